-- ARGV: id, now, when it ends; then for each claim: meter, kind, limit (high, low), amount (high, low). 1, and for each
-- claim what is left: high and low of a budget, 0 and the level of a bucket. Or 0, the number of the claim that does not
-- fit, and the same for it alone.
local id, now = ARGV[1], tonumber(ARGV[2])
end_reservations(now)
local again = call('ZSCORE', prefix .. 'reservations', id)
local found, buckets, held = {1}, {}, {}
for index = 4, #ARGV, 6 do
  local meter, is_budget = key('meter', ARGV[index]), ARGV[index + 1] == 'budget'
  local limit_high, limit_low = tonumber(ARGV[index + 2]), tonumber(ARGV[index + 3])
  local amount_high, amount_low = tonumber(ARGV[index + 4]), tonumber(ARGV[index + 5])
  if again then
    amount_high, amount_low = 0, 0
  end
  local high, low
  if is_budget then
    local free_high, free_low = budget_left(meter, limit_high, limit_low)
    high, low = normal(free_high - amount_high, free_low - amount_low)
    if high < 0 and not again then
      return {0, (index - 4) / 6, free_high, free_low}
    end
    held[#held + 1] = index
  else
    local limit, amount = limit_high * 1000000000 + limit_low, amount_high * 1000000000 + amount_low
    local level, at = bucket(meter, limit, now)
    if amount * MICRO > level and not again then
      return {0, (index - 4) / 6, 0, level}
    end
    high, low = 0, taken(level, limit, amount)
    buckets[#buckets + 1] = {meter, low, at}
  end
  found[#found + 1] = high
  found[#found + 1] = low
end
if again then
  return found
end

local reservation = key('reservation', id)
call('DEL', reservation)
call('ZREM', prefix .. 'ended', id)
for _, values in ipairs(buckets) do
  set_bucket(unpack(values))
end
for _, index in ipairs(held) do
  call('HINCRBY', key('meter', ARGV[index]), 'held_high', ARGV[index + 4])
  call('HINCRBY', key('meter', ARGV[index]), 'held_low', ARGV[index + 5])
  call('HSET', reservation, ARGV[index], ARGV[index + 4] .. ':' .. ARGV[index + 5])
end
-- Who holds nothing back is known again all the same.
if #held == 0 then
  call('HSET', reservation, ARGV[4], '0:0')
end
for index = 4, #ARGV, 6 do
  touch(ARGV[index], now)
end
call('ZADD', prefix .. 'reservations', ARGV[3], id)
return found
