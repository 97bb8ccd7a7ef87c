-- ARGV: id, owner, now. 1, or 0 when there is no such response or it has not ended.
local fields = call('HMGET', key('response', ARGV[1]), 'owner', 'expires_at')
if fields[1] ~= ARGV[2] or call('EXISTS', key('run', ARGV[1])) == 1 or tonumber(fields[2]) <= tonumber(ARGV[3]) then
  return 0
end
forget_response(ARGV[1])
settle()
return 1
