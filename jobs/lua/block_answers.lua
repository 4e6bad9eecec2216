-- Takes away what is kept of jobs (KEYS) that are about to be written, and keeps readers from keeping anything for
-- ARGV[2] milliseconds: they would have read it before the write. A full memory refuses the first write of a
-- script if that needs room: taking away needs none, and what comes after it is let through.
redis.call('DEL', unpack(KEYS))
for _, key in ipairs(KEYS) do
    redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
end
