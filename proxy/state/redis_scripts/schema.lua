-- open, ping. ARGV: the version of this layout. The version of what is there, which is this one where nothing was.
call('SET', prefix .. 'schema', ARGV[1], 'NX')
return call('GET', prefix .. 'schema')
