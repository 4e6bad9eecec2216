-- Puts an answer (ARGV[2]) in the place of the token (ARGV[1]) of whoever read it, for what is left of the token's time.
-- Where the token has gone, the job was written since, or the time is over.
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
end
