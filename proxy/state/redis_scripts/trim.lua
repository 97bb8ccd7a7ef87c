-- ARGV: size, limit. How many responses were forgotten.
local target, count = tonumber(ARGV[1]), 0
local size = tonumber(call('GET', prefix .. 'size') or 0)
while count < tonumber(ARGV[2]) and size + growth > target do
  local oldest = call('ZRANGE', prefix .. 'created', 0, 0)[1]
  if not oldest then
    break
  end
  forget_response(oldest)
  count = count + 1
end
settle()
return count
