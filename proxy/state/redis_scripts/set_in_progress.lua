-- ARGV: response.
if call('HGET', key('response', ARGV[1]), 'status') == 'queued' then
  call('HSET', key('response', ARGV[1]), 'status', 'in_progress')
end
return 1
