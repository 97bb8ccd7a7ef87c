-- ARGV: name, candidate. The secret.
call('HSETNX', prefix .. 'secrets', ARGV[1], ARGV[2])
return call('HGET', prefix .. 'secrets', ARGV[1])
