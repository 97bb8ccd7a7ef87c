-- ARGV: meters. For each of them: high, low.
local found = {}
for _, id in ipairs(ARGV) do
  local fields = call('HMGET', key('meter', id), 'spent_high', 'spent_low')
  found[#found + 1] = tonumber(fields[1] or 0)
  found[#found + 1] = tonumber(fields[2] or 0)
end
return found
