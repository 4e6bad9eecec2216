-- Keeps an answer (ARGV[2]) that was read under a token (ARGV[1]), for what is left of the token's time. Where the token
-- has gone, the job was blocked since, or the time is over. What another reader has kept under the same token makes
-- room only if its version is below ARGV[3]: nobody who has been told of a version is told of an earlier one later.
local found = redis.call('GET', KEYS[1])
if not found then
    return
end
local token, version = string.match(found, '^=(%x+) (%d+) ')
if found == '?' .. ARGV[1] or (token == ARGV[1] and tonumber(version) < tonumber(ARGV[3])) then
    redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
end
