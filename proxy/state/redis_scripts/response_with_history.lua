-- ARGV: id, owner. The fields of a response, and its history: id, body ...; nil when there is none.
local fields = response_fields(ARGV[1])
if not fields or fields[1] ~= ARGV[2] then
  return false
end
local found = history_of(fields[6], tonumber(fields[7]))
return found and {fields, found}
