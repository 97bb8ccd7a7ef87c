-- ARGV: id. The fields of a response, nil when there is none.
return response_fields(ARGV[1])
