-- ARGV: chain, depth. The items before this place: id, body ...; nil when the place is gone.
local links = {}
local chain, depth = chain_of(ARGV[1]), tonumber(ARGV[2])
while true do
  if not chain or not place_exists(chain, depth) then
    return false
  end
  links[#links + 1] = {chain.id, depth}
  if not chain.parent then
    break
  end
  depth = chain.parent_depth
  chain = chain_of(chain.parent)
end
local found = {}
for index = #links, 1, -1 do
  collect(links[index][1], 0, links[index][2], links[index][2], found)
end
return found
