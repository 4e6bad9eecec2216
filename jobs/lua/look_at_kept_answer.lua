-- Gives what is kept under KEYS[1]; where nothing is, leaves the caller's token (ARGV[1]) there for ARGV[2] milliseconds.
-- Whose token it still is when the answer has been read may keep it: no write came between. The time runs from here,
-- before the database is read, so that no answer is older than that.
local found = redis.call('GET', KEYS[1])
if not found then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return found
