#!lua name=kalypso_hook
-- What the gateways do with webhooks in Redis as one step. Everything is
-- checked before the first write.
--
-- A webhook's row (hook:ID): state, why; epoch, next (the entry of the book log
-- to look at next), block (the newest one looked at), floor (nothing up to this
-- block is sent: it was, in another life of the logs); sequence (the newest
-- given); holder (the gateway that delivers, as long as it beats); version
-- (moves when somebody else than the holder changes the row); streak, tries,
-- due, ok_ms, delivered, failed, dropped. Its queue holds what was given a
-- sequence and isn't delivered: SEQUENCE:SEQ:BLOCK:SUBJECT:TIME:ATTEMPTS:DUE_MS.

local function now_ms()
	local t = redis.call('TIME')
	return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function whole(n)
	return string.format('%.0f', n)
end

-- Whether a holder may still deliver.
local function beats(gateways, holder)
	local till = redis.call('ZSCORE', gateways, holder)
	return till and tonumber(till) > now_ms()
end

-- Somebody else than the holder changed row `row`; `hooks` tells all gateways.
local function changed(hooks, row)
	redis.call('HINCRBY', row, 'version', 1)
	return redis.call('HINCRBY', hooks, '#', 1)
end

-- KEYS: gateways, hooks. ARGV: instance, holder, milliseconds to live.
-- Who is of the same instance and isn't this process is dead.
-- Answers: 1 if it was alive all the time, version of the hooks, all holders.
local function beat(keys, argv)
	redis.call('ZREMRANGEBYSCORE', keys[1], '-inf', now_ms())
	local kept = redis.call('ZSCORE', keys[1], argv[2]) and '1' or '0'
	for _, other in ipairs(redis.call('ZRANGE', keys[1], 0, -1)) do
		if string.match(other, '^(.*):') == argv[1] then
			redis.call('ZREM', keys[1], other)
		end
	end
	redis.call('ZADD', keys[1], whole(now_ms() + argv[3]), argv[2])
	return {kept, redis.call('HGET', keys[2], '#') or '0',
		unpack(redis.call('ZRANGE', keys[1], 0, -1))}
end

-- KEYS: gateways. ARGV: holder. It delivers no more.
local function leave(keys, argv)
	redis.call('ZREM', keys[1], argv[1])
	return 'OK'
end

-- KEYS: hooks, row, queue, gateways. ARGV: holder, id, epoch, first entry of
-- the book log. Take the webhook over, or learn anew what is known of it.
-- Answers GONE, HELD, or OK and what is in the row and in the queue.
local function claim(keys, argv)
	if redis.call('HEXISTS', keys[1], argv[2]) == 0 then
		return {'GONE'}
	end
	local held = redis.call('HGET', keys[2], 'holder')
	if held and held ~= '' and held ~= argv[1] and
	    beats(keys[4], held) then
		return {'HELD'}
	end
	redis.call('HSET', keys[2], 'holder', argv[1])
	if redis.call('HGET', keys[2], 'epoch') ~= argv[3] then
		-- Entries may have other numbers now; blocks are what they were.
		-- What waits is found again, with what came after it.
		local floor = tonumber(redis.call('HGET', keys[2], 'block') or 0)
		for _, item in ipairs(redis.call('ZRANGE', keys[3], 0, -1)) do
			local seq, block = string.match(item, '^%d+:(%d+):(%d+)')
			if seq ~= '0' then
				floor = math.max(0, math.min(floor, block - 1))
				redis.call('ZREM', keys[3], item)
			end
		end
		redis.call('HSET', keys[2], 'epoch', argv[3], 'next', argv[4],
			'floor', whole(floor))
	end
	local out = {'OK'}
	for i, value in ipairs(redis.call('HMGET', keys[2], 'version', 'state',
	    'next', 'block', 'floor', 'streak', 'tries', 'due', 'ok_ms')) do
		out[i + 1] = value or ''
	end
	for _, item in ipairs(redis.call('ZRANGE', keys[3], 0, -1)) do
		out[#out + 1] = item
	end
	return out
end

-- KEYS: row. ARGV: holder. Somebody else may have it.
local function release(keys, argv)
	if redis.call('HGET', keys[1], 'holder') == argv[1] then
		redis.call('HSET', keys[1], 'holder', '')
	end
	return 'OK'
end

-- KEYS: row, queue, attempts, dead.
-- ARGV: holder, version, then what was done since the last step: sequences
-- delivered; items to try again; items given up; streak, ok_ms; from, to,
-- block, floor of the log looked at; new items as SEQ:BLOCK:SUBJECT:TIME; attempts
-- kept; records of attempts.
-- What was delivered or tried counts whoever asks.
-- Answers LOST (somebody else has it), STALE (claim it again), or OK and the
-- first of the new items' sequences.
local function step(keys, argv)
	local row, queue = keys[1], keys[2]
	if redis.call('EXISTS', row) == 0 then
		return {'LOST'} -- it was deleted: nothing of it comes back
	end
	for sequence in string.gmatch(argv[3], '%d+') do
		if redis.call('ZREMRANGEBYSCORE', queue, sequence,
		    sequence) == 1 then
			redis.call('HINCRBY', row, 'delivered', 1)
		end
	end
	for i = 14, #argv do
		redis.call('XADD', keys[3], 'MAXLEN', '~', argv[13], '*', 'a',
			argv[i])
	end
	if redis.call('HGET', row, 'holder') ~= argv[1] then
		return {'LOST'}
	end
	for item in string.gmatch(argv[4], '%S+') do
		local sequence = string.match(item, '^%d+')
		if redis.call('ZREMRANGEBYSCORE', queue, sequence,
		    sequence) == 1 then
			redis.call('ZADD', queue, sequence, item)
			redis.call('HINCRBY', row, 'failed', 1)
		end
	end
	for item in string.gmatch(argv[5], '%S+') do
		local sequence = string.match(item, '^%d+')
		if redis.call('ZREMRANGEBYSCORE', queue, sequence,
		    sequence) == 1 then
			redis.call('XADD', keys[4], 'MAXLEN', '~', argv[13],
				'*', 'i', item)
			redis.call('HINCRBY', row, 'failed', 1)
			redis.call('HINCRBY', row, 'dropped', 1)
		end
	end
	redis.call('HSET', row, 'streak', argv[6], 'ok_ms', argv[7])
	if redis.call('HGET', row, 'version') ~= argv[2] or
	    redis.call('HGET', row, 'next') ~= argv[8] then
		return {'STALE'}
	end
	local first = tonumber(redis.call('HGET', row, 'sequence')) + 1
	local sequence = first
	for item in string.gmatch(argv[12], '%S+') do
		redis.call('ZADD', queue, whole(sequence),
			whole(sequence) .. ':' .. item .. ':0:0')
		sequence = sequence + 1
	end
	redis.call('HSET', row, 'next', argv[9], 'block', argv[10],
		'floor', argv[11], 'sequence', whole(sequence - 1))
	return {'OK', whole(first)}
end

-- KEYS: hooks, row, queue. ARGV: holder, version, state, why, tries, due.
-- The holder found out how the webhook is. One that is active now has all its
-- attempts before it. Answers OK, or STALE.
local function turn(keys, argv)
	if redis.call('HGET', keys[2], 'holder') ~= argv[1] or
	    redis.call('HGET', keys[2], 'version') ~= argv[2] then
		return 'STALE'
	end
	redis.call('HSET', keys[2], 'state', argv[3], 'why', argv[4], 'tries',
		argv[5], 'due', argv[6], 'turned_ms', whole(now_ms()))
	if argv[3] == 'active' then
		redis.call('HSET', keys[2], 'streak', 0)
		for _, item in ipairs(redis.call('ZRANGE', keys[3], 0, -1)) do
			redis.call('ZREM', keys[3], item)
			redis.call('ZADD', keys[3], string.match(item, '^%d+'),
				(string.gsub(item, '%d+:%d+$', '0:0')))
		end
	end
	changed(keys[1], keys[2])
	return 'OK'
end

-- ---- asked for over HTTP ---------------------------------------------------

-- KEYS: hooks, row. ARGV: id, record, most there may be, epoch, next.
-- A new webhook. Answers OK or FULL.
local function add(keys, argv)
	local marks = redis.call('HEXISTS', keys[1], '#')
	if redis.call('HLEN', keys[1]) - marks >= tonumber(argv[3]) then
		return 'FULL'
	end
	redis.call('HSET', keys[1], argv[1], argv[2])
	redis.call('HSET', keys[2], 'state', 'unverified', 'why', '', 'epoch',
		argv[4], 'next', argv[5], 'block', 0, 'floor', 0, 'sequence', 0, 'holder',
		'', 'version', 0, 'streak', 0, 'tries', 0, 'due', 0, 'ok_ms',
		0, 'delivered', 0, 'failed', 0, 'dropped', 0, 'turned_ms',
		whole(now_ms()))
	changed(keys[1], keys[2])
	return 'OK'
end

-- KEYS: hooks, row. ARGV: id, the record as it was, as it is now, state: what
-- it is to be then, '' for as it is.
-- Answers OK, or CHANGED if it isn't what it was.
local function replace(keys, argv)
	if redis.call('HGET', keys[1], argv[1]) ~= argv[2] then
		return 'CHANGED'
	end
	redis.call('HSET', keys[1], argv[1], argv[3])
	if argv[4] ~= '' then
		redis.call('HSET', keys[2], 'state', argv[4], 'why', '',
			'tries', 0, 'due', 0, 'turned_ms', whole(now_ms()))
	end
	changed(keys[1], keys[2])
	return 'OK'
end

-- KEYS: hooks, row, queue, attempts, dead. ARGV: id. Answers OK or GONE.
local function drop(keys, argv)
	if redis.call('HDEL', keys[1], argv[1]) == 0 then
		return 'GONE'
	end
	redis.call('DEL', keys[2], keys[3], keys[4], keys[5])
	redis.call('HINCRBY', keys[1], '#', 1)
	return 'OK'
end

-- KEYS: hooks, row, queue. ARGV: id, what, number, limit.
-- test: one more item that is no entry, of time `number`; FULL if `limit` wait.
-- replay: entry `number` is the next to be looked at.
-- verify: it has to answer a challenge, and then goes on where it was.
-- Answers OK (test: and the sequence), GONE or FULL.
local function poke(keys, argv)
	local row = keys[2]
	local out = {'OK'}
	if redis.call('HEXISTS', keys[1], argv[1]) == 0 then
		return {'GONE'}
	end
	if argv[2] == 'test' then
		if redis.call('ZCARD', keys[3]) >= tonumber(argv[4]) then
			return {'FULL'}
		end
		local sequence = redis.call('HINCRBY', row, 'sequence', 1)
		redis.call('ZADD', keys[3], sequence, whole(sequence) ..
			':0:0:1:' .. argv[3] .. ':0:0')
		out[2] = whole(sequence)
	elseif argv[2] == 'replay' then
		redis.call('HSET', row, 'next', argv[3], 'floor', 0)
	else
		redis.call('HSET', row, 'state', 'unverified', 'why', '',
			'tries', 0, 'due', 0, 'turned_ms', whole(now_ms()))
	end
	changed(keys[1], row)
	return out
end

redis.register_function('kalypso_hook_beat', beat)
redis.register_function('kalypso_hook_leave', leave)
redis.register_function('kalypso_hook_claim', claim)
redis.register_function('kalypso_hook_release', release)
redis.register_function('kalypso_hook_step', step)
redis.register_function('kalypso_hook_turn', turn)
redis.register_function('kalypso_hook_add', add)
redis.register_function('kalypso_hook_replace', replace)
redis.register_function('kalypso_hook_drop', drop)
redis.register_function('kalypso_hook_poke', poke)
