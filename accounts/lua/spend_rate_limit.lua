-- What the SQL function spend_rate_limit does, on Redis: the same rules, the same decisions, the server's clock.
-- Counts one request against a key (KEYS[1]) and says whether it was within the limit (ARGV: allowed, burst). One
-- script runs at a time, so that any number of web processes at once accept no more. Two rules hold together:
-- * the window: any 60 seconds, wherever they begin, hold at most `allowed` + `burst` requests. It slides over 61
--   one-second slots, the running second and 60 whole ones;
-- * the debt: each accepted request is owed, and `allowed` a minute are paid back.
-- Kept is {slot, debt, second, count, second, count ...}, oldest first, only of seconds in which something was accepted.
-- Gives {accepted, remaining, reset_after as text}: numbers of a script lose their fraction on the way.
local allowed, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local most = allowed + burst
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local slot, debt, total, kept = math.floor(now), 0, 0, {}

local packed = redis.call('GET', KEYS[1])
local before = packed and cmsgpack.unpack(packed)
if before then
    -- A clock set back moves nothing: the slots stay where they are until it has caught up.
    local passed = math.max(0, slot - before[1])
    slot = math.max(slot, before[1])
    -- Nobody owes more than can be accepted at once, as after a limit was lowered.
    debt = math.max(0, math.min(before[2], most) - passed * allowed / 60)
    for place = 3, #before, 2 do
        if before[place] > slot - 61 then
            table.insert(kept, before[place])
            table.insert(kept, before[place + 1])
            total = total + before[place + 1]
        end
    end
end

-- The first request of all is accepted; the millionth is for what floating point loses.
local accepted = not before or (total < most and debt <= most - 1 + 1e-6)
if accepted then
    total, debt = total + 1, debt + 1
    if kept[#kept - 1] == slot then
        kept[#kept] = kept[#kept] + 1
    else
        table.insert(kept, slot)
        table.insert(kept, 1)
    end
end
-- It says nothing any more when the window is empty and the debt paid, or after ten minutes, as in the database.
local life = math.min(600, math.ceil(math.max(61, debt * 60 / allowed)) + 1) + math.max(0, slot - math.floor(now))
redis.call('SET', KEYS[1], cmsgpack.pack({slot, debt, unpack(kept)}), 'EX', life)

-- A second leaves the window 61 seconds after it began: the one is asked for at whose end there is room again.
local window_wait, so_far = 0, 0
for place = 1, #kept, 2 do
    so_far = so_far + kept[place + 1]
    if so_far >= math.max(1, total + 1 - most) then
        window_wait = kept[place] + 61 - now
        break
    end
end
local debt_wait
if debt > most - 1 + 1e-6 then
    debt_wait = slot + math.ceil((debt - most + 1) * 60 / allowed - 1e-6) - now
end
local reset_after = math.max(window_wait, debt_wait or 0)
if total < most then
    reset_after = debt_wait or window_wait
end
local remaining = math.max(0, math.min(most - total, math.floor(most - debt + 1e-6)))
return {accepted and 1 or 0, remaining, tostring(reset_after)}
