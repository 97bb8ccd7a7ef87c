-- ARGV: id, now; then charges. 1, or 0 when the id holds no claims.
if not let_go(ARGV[1]) then
  return 0
end
charge(ARGV, 3, #ARGV, tonumber(ARGV[2]))
return 1
