-- Gives what is kept under KEYS[1]; where nothing is, leaves the caller's token (ARGV[1]) there for ARGV[2] milliseconds.
-- Whoever looks in that time reads the database after that, and may keep what it reads under this token until the
-- job is blocked. The time runs from here, before the database is read, so that no answer is older than that.
local found = redis.call('GET', KEYS[1])
if not found then
    redis.call('SET', KEYS[1], '?' .. ARGV[1], 'PX', ARGV[2])
    found = '?' .. ARGV[1]
end
return found
