-- ARGV: owner, now, then ids. For each id a body, or nil.
local owner, now = ARGV[1], tonumber(ARGV[2])

local function exists(chain_id, position)
  if call('EXISTS', key('conversation', chain_id)) == 1 then
    return true
  end
  local response = response_at(chain_id, position)
  if not response then
    return false
  end
  return call('EXISTS', key('run', response)) == 1
    or tonumber(call('HGET', key('response', response), 'expires_at')) > now
end

local function find(id)
  local places, offset = places_key(owner, id), 0
  while true do
    local members = call('ZREVRANGE', places, offset, offset + 31)
    if #members == 0 then
      return false
    end
    for _, member in ipairs(members) do
      local position, chain = string.match(member, '^(%d+):(.*)$')
      if exists(chain, tonumber(position)) then
        return call('HGET', key('bodies', chain), position)
      end
    end
    offset = offset + 32
  end
end

local found = {}
for index = 3, #ARGV do
  found[#found + 1] = find(ARGV[index])
end
return found
