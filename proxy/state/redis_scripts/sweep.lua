-- ARGV: now, limit. How many responses were forgotten.
local expired = call('ZRANGEBYSCORE', prefix .. 'expiry', '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(expired) do
  forget_response(id)
end
settle()
return #expired
