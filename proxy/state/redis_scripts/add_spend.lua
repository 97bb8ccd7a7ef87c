-- ARGV: now; then for each row: id, time, row, how many charges; then those.
local now, index = tonumber(ARGV[1]), 2
while index <= #ARGV do
  local id, first = ARGV[index], index + 4
  local last = first + 6 * tonumber(ARGV[index + 3]) - 1
  if call('HSETNX', prefix .. 'spend_rows', id, ARGV[index + 2]) == 1 then
    call('ZADD', prefix .. 'spend', ARGV[index + 1], id)
    charge(ARGV, first, last, now)
    let_go(id)
  end
  index = last + 1
end
