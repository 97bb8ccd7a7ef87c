-- ARGV: response, chain, first position, depth. The items: id, body ...; nil when the response is gone.
if call('EXISTS', key('response', ARGV[1])) == 0 then
  return false
end
local found = {}
collect(ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[4]), found)
return found
