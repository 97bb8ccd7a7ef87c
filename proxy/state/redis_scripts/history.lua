-- ARGV: chain, depth. The items before this place: id, body ...; nil when the place is gone.
return history_of(ARGV[1], tonumber(ARGV[2]))
