-- ARGV: response, sequence number. The batches that end behind it.
return call('ZRANGEBYSCORE', key('events', ARGV[1]), '(' .. ARGV[2], '+inf')
