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

-- Whether the caller may write: what is wrong, nil if nothing is.
local function refused(lease, mine, epoch, ours)
	if redis.call('GET', lease) ~= mine then
		return redis.status_reply('FENCED')
	end
	if redis.call('GET', epoch) ~= ours then
		return redis.status_reply('EPOCH')
	end
end

-- KEYS: lease, epoch, log, cursor, then one per record.
-- ARGV: lease value, epoch, cursor before, cursor after, first number, count,
--       count x (type, body), then per record (value, seconds to live).
-- Answers OK, REPEAT (it was done before), FENCED, EPOCH or CONFLICT.
local function append(keys, argv)
	local no = refused(keys[1], argv[1], keys[2], argv[2])
	if no then
		return no
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

-- ---- snapshots -------------------------------------------------------------

-- id, epoch, input, output, size, crc: as words, as C printed them.
local ID, EPOCH, INPUT, OUTPUT = 1, 2, 3, 4
local function fields_of(manifest)
	local fields = {}
	for word in string.gmatch(manifest or '', '%S+') do
		fields[#fields + 1] = word
	end
	return #fields == 6 and fields or nil
end

-- The pieces of a snapshot, whose key has the name of the manifests' key.
local function forget_pieces(manifests, fields)
	if fields then
		redis.call('UNLINK', string.gsub(manifests, ':snapshot:',
			':piece:') .. ':' .. fields[ID])
	end
end

-- KEYS: lease, epoch, manifests, pieces, then readers of the log read and of
--       the log written, as far as there are such.
-- ARGV: lease value, epoch, manifest, count of pieces, service, then per
--       readers: which of the manifest's fields is where in it the service is.
-- The newest snapshot is this one, the one before stays, and may have to be
-- gone back to: that is how much of the logs the service needs.
-- Answers OK, FENCED, EPOCH or CONFLICT (pieces are missing).
local function snapshot(keys, argv)
	local no = refused(keys[1], argv[1], keys[2], argv[2])
	if no then
		return no
	end
	if redis.call('HLEN', keys[4]) ~= tonumber(argv[4]) then
		return redis.status_reply('CONFLICT')
	end
	local new = redis.call('HGET', keys[3], 'new')
	local old = redis.call('HGET', keys[3], 'old')
	redis.call('PERSIST', keys[4])
	redis.call('HSET', keys[3], 'new', argv[3])
	if new then
		redis.call('HSET', keys[3], 'old', new)
	end
	forget_pieces(keys[3], fields_of(old))
	local before = fields_of(new)
	for i = 5, #keys do
		redis.call('HSET', keys[i], argv[5],
			before and before[tonumber(argv[i + 1])] or '0')
	end
	return redis.status_reply('OK')
end

-- ---- trimming --------------------------------------------------------------

local TRIMMED_AT_ONCE = 50000

-- The first entry's number; 0 if there is none.
local function first_of(log)
	local entry = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
	return entry and tonumber(string.match(entry[1], '^%d+')) or 0
end

-- KEYS: lease, epoch, log, readers.
-- ARGV: lease value, epoch, entries to keep, the writer's service.
-- Entries go that are not among the newest, and that every reader has a
-- snapshot of; a reader that is more than twice as far behind is struck off,
-- unless it is the writer: it is there.
-- Answers a list: the first number that is left, then who was struck off; or
-- FENCED, EPOCH.
local function trim(keys, argv)
	local no = refused(keys[1], argv[1], keys[2], argv[2])
	if no then
		return no
	end
	local first, last = first_of(keys[3]), last_of(keys[3])
	local keep = tonumber(argv[3])
	local gone, struck = last - keep, {}
	local readers = redis.call('HGETALL', keys[4])
	for i = 1, #readers, 2 do
		local at = tonumber(readers[i + 1])
		if at < last - 2 * keep and readers[i] ~= argv[4] then
			struck[#struck + 1] = readers[i]
			redis.call('HDEL', keys[4], readers[i])
		elseif at < gone then
			gone = at
		end
	end
	if first > 0 and gone >= first then
		first = math.min(gone, first + TRIMMED_AT_ONCE) + 1
		redis.call('XTRIM', keys[3], 'MINID',
			string.format('%.0f-0', first))
	end
	table.insert(struck, 1, string.format('%.0f', first))
	return struck
end

-- ---- lives of the logs -----------------------------------------------------

-- KEYS: epoch. ARGV: epoch. That life is over; nobody can append any more.
local function finish(keys, argv)
	if redis.call('GET', keys[1]) == argv[1] then
		redis.call('DEL', keys[1])
	end
	return redis.status_reply('OK')
end

-- Take away what is above entry `to`.
local function cut(log, to)
	while true do
		local more = redis.call('XRANGE', log,
			string.format('%.0f-0', to + 1), '+', 'COUNT', 500)
		if #more == 0 then
			return
		end
		for _, entry in ipairs(more) do
			redis.call('XDEL', log, entry[1])
		end
	end
end

-- Keep of a fold's snapshots and log what the log that it reads bears out.
-- False: it can't get from any snapshot to the end of that log.
local function survives(fold)
	local first, last = first_of(fold.reads), last_of(fold.reads)
	local itself = fold.reads == fold.writes
	local said = fold.writes and last_of(fold.writes) or math.huge
	fold.place = itself and OUTPUT or INPUT
	fold.kept = {}
	for _, name in ipairs({'new', 'old'}) do
		local text = redis.call('HGET', fold.manifests, name)
		local m = fields_of(text)
		if m and tonumber(m[fold.place]) <= last and
		    tonumber(m[fold.place]) + 1 >= first and
		    (itself or tonumber(m[OUTPUT]) <= said) then
			fold.kept[#fold.kept + 1] = m
		else
			forget_pieces(fold.manifests, m)
		end
	end
	local newest = fold.kept[1]
	local from = newest and tonumber(newest[fold.place]) or 0
	if first > from + 1 then
		return false
	end
	local cursor = fold.writes and not itself and
		redis.call('GET', fold.cursor)
	if cursor and tonumber(string.match(cursor, '^%d+')) > last then
		-- It answers what is lost.
		local to = newest and tonumber(newest[OUTPUT]) or 0
		cut(fold.writes, to)
		if last_of(fold.writes) ~= to then
			return false
		end
		redis.call('SET', fold.cursor,
			string.format('%.0f:0', from))
	end
	return true
end

-- KEYS: epoch, then per fold: manifests, log read, log written (maybe the
--       same), cursor, readers of the log read; then every log.
-- ARGV: epoch, count of folds, then per fold its service, with a '-' in front
--       if it writes no log.
-- Begins a life if there is none: what the logs bear out goes on under it; if
-- somebody can't, it is derived from the chain again.
-- Answers the epoch that holds.
local function begin(keys, argv)
	local now = redis.call('GET', keys[1])
	if now then
		return now
	end
	local folds, good = {}, true
	local count = tonumber(argv[2])
	for i = 1, count do
		local at = 2 + 5 * (i - 1)
		local name = argv[2 + i]
		local silent = string.sub(name, 1, 1) == '-'
		folds[i] = {manifests = keys[at], reads = keys[at + 1],
			writes = not silent and keys[at + 2] or nil,
			cursor = keys[at + 3], readers = keys[at + 4],
			service = string.gsub(name, '^%-', '')}
		good = good and survives(folds[i])
	end
	for _, fold in ipairs(folds) do
		if not good then
			for _, name in ipairs({'new', 'old'}) do
				forget_pieces(fold.manifests, fields_of(
					redis.call('HGET', fold.manifests,
						name)))
			end
			if fold.writes then
				redis.call('UNLINK', fold.writes)
				redis.call('DEL', fold.cursor)
			end
			fold.kept = {}
		end
		redis.call('DEL', fold.manifests)
		for i, m in ipairs(fold.kept) do
			m[EPOCH] = argv[1]
			redis.call('HSET', fold.manifests,
				i == 1 and 'new' or 'old', table.concat(m, ' '))
		end
		redis.call('HSET', fold.readers, fold.service,
			fold.kept[2] and fold.kept[2][fold.place] or '0')
	end
	for i = 2 + 5 * count, #keys do
		-- A stream remembers numbers that it has lost.
		local last = last_of(keys[i])
		if last > 0 then
			redis.call('XSETID', keys[i],
				string.format('%.0f-0', last))
		else
			redis.call('DEL', keys[i])
		end
	end
	redis.call('SET', keys[1], argv[1])
	return argv[1]
end

-- ---- import ----------------------------------------------------------------

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

-- KEYS: quarantine, quarantined. ARGV: items at most, the entry's mark ('' if
-- it isn't an entry), then the item's fields and values.
-- Answers OK, or REPEAT if an entry of that mark was kept before.
local function quarantine(keys, argv)
	local most, mark = tonumber(argv[1]), argv[2]
	if mark ~= '' then
		if redis.call('HEXISTS', keys[2], mark) == 1 then
			return redis.status_reply('REPEAT')
		end
		if redis.call('HLEN', keys[2]) >= most then
			redis.call('DEL', keys[2])
		end
		redis.call('HSET', keys[2], mark, '')
	end
	redis.call('XADD', keys[1], 'MAXLEN', most, '*', unpack(argv, 3))
	return redis.status_reply('OK')
end

-- KEYS: quarantine, quarantined, retries. ARGV: the item's id, its mark.
-- Answers 1, or 0 if there is no such item.
local function quarantine_retry(keys, argv)
	if redis.call('XDEL', keys[1], argv[1]) == 0 then
		return 0
	end
	redis.call('HDEL', keys[2], argv[2])
	redis.call('INCR', keys[3])
	return 1
end

redis.register_function('kalypso_append', append)
redis.register_function('kalypso_begin', begin)
redis.register_function('kalypso_finish', finish)
redis.register_function('kalypso_import', import)
redis.register_function('kalypso_import_begin', import_begin)
redis.register_function('kalypso_import_end', import_end)
redis.register_function('kalypso_take', take)
redis.register_function('kalypso_renew', renew)
redis.register_function('kalypso_snapshot', snapshot)
redis.register_function('kalypso_status', status)
redis.register_function('kalypso_trim', trim)
redis.register_function('kalypso_quarantine', quarantine)
redis.register_function('kalypso_quarantine_retry', quarantine_retry)
