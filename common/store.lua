#!lua name=kalypso
-- What has to happen in Redis as one step. Everything is checked before the
-- first write: a function that fails half-way is not rolled back.

-- The last entry of a log: number, type, body; 0 if there is none.
local function last_of(log)
	local entry = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
	if not entry then
		return 0
	end
	local fields = entry[2]
	return tonumber(string.match(entry[1], '^%d+')), fields[2], fields[4]
end

-- KEYS: lease, epoch, log, cursor, then one per record.
-- ARGV: lease value, epoch, cursor before, cursor after, first number, count,
--       count x (type, body), then per record (value, seconds to live).
-- Answers OK, REPEAT (it was done before), FENCED, EPOCH or CONFLICT.
local function append(keys, argv)
	if redis.call('GET', keys[1]) ~= argv[1] then
		return redis.status_reply('FENCED')
	end
	if redis.call('GET', keys[2]) ~= argv[2] then
		return redis.status_reply('EPOCH')
	end
	local first, count = tonumber(argv[5]), tonumber(argv[6])
	local last, last_type, last_body = last_of(keys[3])
	local cursor = redis.call('GET', keys[4]) or '0:0'
	if last == first + count - 1 and cursor == argv[4] and (count == 0 or
	    (last_type == argv[5 + 2 * count] and
	     last_body == argv[6 + 2 * count])) then
		return redis.status_reply('REPEAT')
	end
	if last ~= first - 1 or cursor ~= argv[3] then
		return redis.status_reply('CONFLICT')
	end
	for i = 0, count - 1 do
		redis.call('XADD', keys[3], string.format('%.0f-0', first + i),
			't', argv[7 + 2 * i], 'b', argv[8 + 2 * i])
	end
	for i = 5, #keys do
		local at = 7 + 2 * count + 2 * (i - 5)
		redis.call('SET', keys[i], argv[at], 'EX', argv[at + 1])
	end
	redis.call('SET', keys[4], argv[4])
	return redis.status_reply('OK')
end

-- KEYS: epoch, then per log: imported, log, cursor. Whether there are logs.
local function has_logs(keys)
	local found = redis.call('EXISTS', keys[1])
	for i = 2, #keys, 3 do
		found = found + redis.call('EXISTS', keys[i + 1], keys[i + 2])
	end
	return found > 0
end

-- KEYS: as above. Forgets what was imported so far.
-- Answers OK, or EXISTS if there are logs.
local function import_begin(keys)
	if has_logs(keys) then
		return redis.status_reply('EXISTS')
	end
	for i = 2, #keys, 3 do
		redis.call('DEL', keys[i])
	end
	return redis.status_reply('OK')
end

-- KEYS: imported. ARGV: first number, then type and body of each entry.
-- Answers OK, or CONFLICT if that isn't where it ends.
local function import(keys, argv)
	local first = tonumber(argv[1])
	if last_of(keys[1]) ~= first - 1 then
		return redis.status_reply('CONFLICT')
	end
	for i = 0, (#argv - 3) / 2 do
		redis.call('XADD', keys[1], string.format('%.0f-0', first + i),
			't', argv[2 + 2 * i], 'b', argv[3 + 2 * i])
	end
	return redis.status_reply('OK')
end

-- KEYS: as above. ARGV: epoch, then per log: cursor.
-- What was imported becomes the logs. Answers OK, or EXISTS if there are some.
local function import_end(keys, argv)
	if has_logs(keys) then
		return redis.status_reply('EXISTS')
	end
	for i = 2, #keys, 3 do
		local cursor = argv[(i - 2) / 3 + 2]
		if redis.call('EXISTS', keys[i]) == 1 then
			redis.call('RENAME', keys[i], keys[i + 1])
		end
		if cursor ~= '0:0' then
			redis.call('SET', keys[i + 2], cursor)
		end
	end
	redis.call('SET', keys[1], argv[1])
	return redis.status_reply('OK')
end

-- KEYS: lease. ARGV: instance, token, milliseconds to live.
-- Takes the lease if it is free, ours already, or held by an earlier life of
-- the same instance. Answers OK, or the value of who holds it.
local function take(keys, argv)
	local mine = argv[1] .. ':' .. argv[2]
	local held = redis.call('GET', keys[1])
	if held and held ~= mine and
	    string.match(held, '^(.*):') ~= argv[1] then
		return held
	end
	redis.call('SET', keys[1], mine, 'PX', argv[3])
	return redis.status_reply('OK')
end

-- KEYS: lease. ARGV: instance, token, milliseconds to live; 0 gives it up.
-- One that has run out and that nobody took since is taken again.
-- Answers OK, or LOST if it is somebody else's.
local function renew(keys, argv)
	local mine = argv[1] .. ':' .. argv[2]
	local held = redis.call('GET', keys[1])
	if held and held ~= mine then
		return redis.status_reply('LOST')
	end
	if argv[3] == '0' then
		redis.call('DEL', keys[1])
	else
		redis.call('SET', keys[1], mine, 'PX', argv[3])
	end
	return redis.status_reply('OK')
end

-- KEYS: status. ARGV: milliseconds to live, then names and values.
local function status(keys, argv)
	local pairs = {}
	for i = 2, #argv do
		pairs[i - 1] = argv[i]
	end
	redis.call('HSET', keys[1], unpack(pairs))
	redis.call('PEXPIRE', keys[1], argv[1])
	return redis.status_reply('OK')
end

redis.register_function('kalypso_append', append)
redis.register_function('kalypso_import', import)
redis.register_function('kalypso_import_begin', import_begin)
redis.register_function('kalypso_import_end', import_end)
redis.register_function('kalypso_take', take)
redis.register_function('kalypso_renew', renew)
redis.register_function('kalypso_status', status)
