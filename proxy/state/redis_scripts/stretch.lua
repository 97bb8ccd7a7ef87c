-- output. ARGV: chain, first position, depth. The items: id, body ...
local found = {}
collect(ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[3]), found)
return found
