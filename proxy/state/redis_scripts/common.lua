-- What the scripts share; each of them is this text and its own behind it. KEYS[1] is the prefix of all keys.
--
--   schema, sequence, size          counters: the version of this layout, the order of items, the bytes of what is kept
--   response:ID                     hash
--   chain:ID                        hash: owner, length, parent and parent_depth, cut (it became shorter once),
--                                   run (the background response at its end that still gets its output)
--   order:CHAIN                     zset of "position:item id" by position
--   bodies:CHAIN                    hash by position
--   removed:CHAIN                   hash by position: "depth:item id" of items that were taken out of a conversation
--                                   when the chain had this depth, and that something still needs
--   lost:CHAIN                      zset of "from:to" by to, apart from each other: the places behind `from` up to `to`
--                                   had an item that was removed and is gone
--   responses:CHAIN, forks:CHAIN    zsets of the responses by depth, and of child chains by parent_depth: what needs it
--   places:LENGTH:OWNER:ITEM        zset of "position:chain" by sequence: where items with this id can be found
--   conversation:ID                 hash; its items are those of the chain with the same id
--   created, expiry                 zsets of ended responses
--   run:ID, leases, runs:REPLICA    hash, zset of response ids by the end of the lease, set of response ids
--   events:ID                       zset of "first:last:data" by last sequence number
--   secrets                         hash
--   meter:ID                        hash; of a budget spent_high and spent_low, held_high and held_low; of a bucket
--                                   level, in millionths of a unit, and at: as of when
--   meters                          zset of the meters that may be forgotten, by their last use
--   reservation:ID                  hash by meter: "high:low", what is held back of it; "0:0" where nothing is
--   reservations, ended             zsets of the ids that hold claims, and that do not any more, by the time when
--                                   their claims end
--   spend_rows, spend               hash of rows by id, zset of their ids by time
--
-- Amounts of money are more than a number here can hold: they have two parts, high * 10^9 + low.

local call = redis.call
local prefix = KEYS[1]
local growth = 0

local function key(kind, name)
  return prefix .. kind .. ':' .. name
end

local function places_key(owner, id)
  return key('places', #owner .. ':' .. owner .. ':' .. id)
end

-- Every script that writes ends with this.
local function settle()
  if growth ~= 0 then
    call('INCRBY', prefix .. 'size', growth)
    growth = 0
  end
end

local function chain_of(id)
  local fields = call('HMGET', key('chain', id), 'owner', 'length', 'parent', 'parent_depth', 'cut', 'run')
  if not fields[1] then
    return nil
  end
  return {
    id = id,
    owner = fields[1],
    length = tonumber(fields[2]),
    parent = fields[3],
    parent_depth = tonumber(fields[4]),
    cut = fields[5],
    run = fields[6],
  }
end

local function is_conversation(id, owner)
  return call('HGET', key('conversation', id), 'owner') == owner
end

local function is_conversation_chain(chain)
  return call('EXISTS', key('conversation', chain.id)) == 1
end

-- The items that were removed from the chain and are still needed: position, depth, id.
local function removed_items(chain_id)
  local flat = call('HGETALL', key('removed', chain_id))
  local found = {}
  for index = 1, #flat, 2 do
    local depth, id = string.match(flat[index + 1], '^(%d+):(.*)$')
    found[#found + 1] = {position = tonumber(flat[index]), depth = tonumber(depth), id = id}
  end
  return found
end

local function mark_lost(chain_id, from, to)
  local lost = key('lost', chain_id)
  for _, member in ipairs(call('ZRANGEBYSCORE', lost, from, '+inf')) do
    local other_from, other_to = string.match(member, '^(%d+):(%d+)$')
    if tonumber(other_from) > to then
      break
    end
    from, to = math.min(from, tonumber(other_from)), math.max(to, tonumber(other_to))
    call('ZREM', lost, member)
  end
  call('ZADD', lost, to, from .. ':' .. to)
end

-- Whether all that stood before this place is still there. A chain that was cut is never appended to again, so its
-- length tells the rest.
local function place_exists(chain, depth)
  if depth > chain.length then
    return false
  end
  local lost = call('ZRANGEBYSCORE', key('lost', chain.id), depth, '+inf', 'LIMIT', 0, 1)[1]
  return not lost or tonumber(string.match(lost, '^%d+')) >= depth
end

-- The items from one position up to another, as they are seen from `depth`, appended to `found`: id, body.
local function collect(chain_id, from, to, depth, found)
  local items = {}
  for _, member in ipairs(call('ZRANGEBYSCORE', key('order', chain_id), from, '(' .. to)) do
    local position, id = string.match(member, '^(%d+):(.*)$')
    items[#items + 1] = {position = tonumber(position), id = id}
  end
  local visible = #items
  for _, item in ipairs(removed_items(chain_id)) do
    if from <= item.position and item.position < to and depth <= item.depth then
      items[#items + 1] = item
    end
  end
  if #items > visible then
    table.sort(items, function(one, other) return one.position < other.position end)
  end
  -- In pieces: Lua takes a few thousand arguments at once.
  for first = 1, #items, 500 do
    local last = math.min(first + 499, #items)
    local positions = {}
    for index = first, last do
      positions[#positions + 1] = items[index].position
    end
    local bodies = call('HMGET', key('bodies', chain_id), unpack(positions))
    for index = first, last do
      found[#found + 1] = items[index].id
      found[#found + 1] = bodies[index - first + 1]
    end
  end
end

-- The items before a place, through all forks: id, body ...; false when the place is gone.
local function history_of(chain_id, depth)
  local links = {}
  local chain = chain_of(chain_id)
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
end

-- Puts items (id, body, id, body ... from `first` on) behind the end of a chain.
local function append(chain, values, first)
  local count = (#values - first + 1) / 2
  if count <= 0 then
    return
  end
  local sequence = call('INCRBY', prefix .. 'sequence', count) - count
  for index = first, #values, 2 do
    local id, body, position = values[index], values[index + 1], chain.length
    call('ZADD', key('order', chain.id), position, position .. ':' .. id)
    call('HSET', key('bodies', chain.id), position, body)
    call('ZADD', places_key(chain.owner, id), sequence, position .. ':' .. chain.id)
    sequence = sequence + 1
    growth = growth + #id + #body
    chain.length = position + 1
  end
  call('HSET', key('chain', chain.id), 'length', chain.length)
end

local function forget_place(chain, position, id)
  call('ZREM', places_key(chain.owner, id), position .. ':' .. chain.id)
end

local function forget_body(chain, position, id)
  growth = growth - #id - call('HSTRLEN', key('bodies', chain.id), position)
  call('HDEL', key('bodies', chain.id), position)
end

-- Forgets all items from a position on.
local function cut(chain, from)
  local order = key('order', chain.id)
  for _, member in ipairs(call('ZRANGEBYSCORE', order, from, '+inf')) do
    local position, id = string.match(member, '^(%d+):(.*)$')
    forget_place(chain, position, id)
    forget_body(chain, position, id)
  end
  call('ZREMRANGEBYSCORE', order, from, '+inf')
  for _, item in ipairs(removed_items(chain.id)) do
    if item.position >= from then
      forget_body(chain, item.position, item.id)
      call('HDEL', key('removed', chain.id), item.position)
    end
  end
end

-- The depth up to which somebody needs the chain, nil when nobody does.
local function needed_depth(chain)
  local deepest = nil
  for _, kind in ipairs({'responses', 'forks'}) do
    local last = call('ZREVRANGE', key(kind, chain.id), 0, 0, 'WITHSCORES')
    if last[2] and (not deepest or tonumber(last[2]) > deepest) then
      deepest = tonumber(last[2])
    end
  end
  return deepest
end

-- Forgets what nobody needs any more of a chain, and then of its parents.
local function tidy(id)
  while id do
    local chain = chain_of(id)
    if not chain then
      return
    end
    local needed = is_conversation_chain(chain) and chain.length or needed_depth(chain)
    if needed then
      if needed < chain.length then
        cut(chain, needed)
        call('HSET', key('chain', id), 'length', needed, 'cut', 1)
      end
      for _, item in ipairs(removed_items(id)) do
        local from, to = '(' .. item.position, item.depth
        if call('ZCOUNT', key('responses', id), from, to) + call('ZCOUNT', key('forks', id), from, to) == 0 then
          forget_body(chain, item.position, item.id)
          call('HDEL', key('removed', id), item.position)
          mark_lost(id, item.position, item.depth)
        end
      end
      return
    end
    cut(chain, 0)
    call('DEL', key('chain', id), key('lost', id))
    if chain.parent then
      call('ZREM', key('forks', chain.parent), id)
    end
    id = chain.parent
  end
end

-- The response whose own items reach over a position, nil when it is gone.
local function response_at(chain_id, position)
  local responses = key('responses', chain_id)
  local offset, nearest = 0, nil
  while true do
    local found = call('ZRANGEBYSCORE', responses, '(' .. position, '+inf', 'WITHSCORES', 'LIMIT', offset, 1)
    -- Responses without items share the depth of the one before them.
    if not found[1] or (nearest and found[2] ~= nearest) then
      return nil
    end
    if tonumber(call('HGET', key('response', found[1]), 'start')) <= position then
      return found[1]
    end
    nearest = found[2]
    offset = offset + 1
  end
end

local function forget_response(id)
  local fields = call('HMGET', key('response', id), 'chain', 'start', 'depth', 'size', 'events_size')
  local chain = chain_of(fields[1])
  call('ZREM', key('responses', chain.id), id)
  if not is_conversation_chain(chain) then
    local own = call('ZRANGEBYSCORE', key('order', chain.id), fields[2], '(' .. fields[3])
    for _, member in ipairs(own) do
      local position, item = string.match(member, '^(%d+):(.*)$')
      forget_place(chain, position, item)
    end
  end
  growth = growth - tonumber(fields[4]) - tonumber(fields[5] or 0)
  call('DEL', key('response', id), key('events', id))
  call('ZREM', prefix .. 'expiry', id)
  call('ZREM', prefix .. 'created', id)
  tidy(chain.id)
end

-- The position of the latest item of a conversation with this id, nil when there is none.
local function position_in(conversation, owner, id)
  local places, offset = places_key(owner, id), 0
  while true do
    local members = call('ZREVRANGE', places, offset, offset + 31)
    if #members == 0 then
      return nil
    end
    for _, member in ipairs(members) do
      local position, chain = string.match(member, '^(%d+):(.*)$')
      if chain == conversation then
        return tonumber(position)
      end
    end
    offset = offset + 32
  end
end

local function response_fields(id)
  local fields = call('HMGET', key('response', id), 'owner', 'status', 'created_at', 'expires_at', 'body', 'chain',
    'depth', 'start', 'input_end', 'journal', 'background')
  return fields[1] and fields
end

local function conversation_fields(id)
  local fields = call('HMGET', key('conversation', id), 'owner', 'created_at', 'metadata')
  fields[4] = chain_of(id).length
  return fields
end

-- --- meters ----------------------------------------------------------------------------------------------------------

local MICRO = 1000000

local function normal(high, low)
  local carry = math.floor(low / 1000000000)
  return high + carry, low - carry * 1000000000
end

-- A whole number as text: what Lua itself makes of a large one is not exact.
local function whole(number)
  return string.format('%.0f', number)
end

-- What is left of a budget: high, low.
local function budget_left(meter, limit_high, limit_low)
  local fields = call('HMGET', meter, 'spent_high', 'spent_low', 'held_high', 'held_low')
  for index = 1, 4 do
    fields[index] = tonumber(fields[index] or 0)
  end
  return normal(limit_high - fields[1] - fields[3], limit_low - fields[2] - fields[4])
end

-- A bucket as it is now: level, at.
local function bucket(meter, limit, now)
  local fields = call('HMGET', meter, 'level', 'at')
  if not fields[1] then
    return limit * MICRO, now
  end
  local level, at = tonumber(fields[1]), tonumber(fields[2])
  local gained = math.floor(math.max(0, now - at) * limit * MICRO / 60)
  return math.min(limit * MICRO, level + gained), math.max(at, now)
end

-- The level without an amount; it goes no deeper than what can be counted exactly.
local function taken(level, limit, amount)
  return math.max(-1000000000 * MICRO, math.min(limit * MICRO, level - amount * MICRO))
end

local function set_bucket(meter, level, at)
  call('HSET', meter, 'level', whole(level), 'at', string.format('%.17g', at))
end

local function touch(id, now)
  if string.sub(id, -6) ~= '/total' then
    call('ZADD', prefix .. 'meters', 'GT', now, id)
  end
end

-- Gives back what is held back of meters: meter, amount ...
local function free(amounts)
  for index = 1, #amounts, 2 do
    local high, low = string.match(amounts[index + 1], '^(%d+):(%d+)$')
    if high ~= '0' or low ~= '0' then
      call('HINCRBY', key('meter', amounts[index]), 'held_high', whole(0 - tonumber(high)))
      call('HINCRBY', key('meter', amounts[index]), 'held_low', whole(0 - tonumber(low)))
    end
  end
end

-- Forgets the claims of an id. Whether it had any.
local function let_go(id)
  local amounts = call('HGETALL', key('reservation', id))
  free(amounts)
  call('DEL', key('reservation', id))
  call('ZREM', prefix .. 'reservations', id)
  call('ZREM', prefix .. 'ended', id)
  return #amounts > 0
end

-- Frees what is held back for too long; that it was is still known.
local function end_reservations(now)
  local over = call('ZRANGEBYSCORE', prefix .. 'reservations', '-inf', now, 'WITHSCORES')
  for index = 1, #over, 2 do
    local id, ends = over[index], over[index + 1]
    local amounts = call('HGETALL', key('reservation', id))
    free(amounts)
    for field = 1, #amounts, 2 do
      call('HSET', key('reservation', id), amounts[field], '0:0')
    end
    call('ZREM', prefix .. 'reservations', id)
    call('ZADD', prefix .. 'ended', ends, id)
  end
end

-- Charges the meters that stand from `first` on up to `last`, each as meter, kind, limit (high, low), amount (high, low).
local function charge(values, first, last, now)
  for index = first, last, 6 do
    local meter = key('meter', values[index])
    local high, low = tonumber(values[index + 4]), tonumber(values[index + 5])
    if values[index + 1] == 'budget' then
      local fields = call('HMGET', meter, 'spent_high', 'spent_low')
      high, low = normal(high + tonumber(fields[1] or 0), low + tonumber(fields[2] or 0))
      call('HSET', meter, 'spent_high', whole(high), 'spent_low', whole(low))
    else
      local limit = tonumber(values[index + 2]) * 1000000000 + tonumber(values[index + 3])
      local level, at = bucket(meter, limit, now)
      set_bucket(meter, taken(level, limit, high * 1000000000 + low), at)
    end
    touch(values[index], now)
  end
end
