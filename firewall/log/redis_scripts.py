"""What has to happen in one step inside Redis, as Lua. Every script touches keys of one shard only.

A script reads everything before it writes anything, and its first write is one that Redis refuses when memory is full:
so a refused script has changed nothing. PUBLISH comes last and may fail alone: it only wakes, the streams are the truth.
"""

import hashlib


class Script:
    """A script and the name under which a server keeps it."""

    def __init__(self, source: str) -> None:
        self.source = source.encode()
        self.sha = hashlib.sha1(self.source, usedforsecurity=False).hexdigest().encode()


# KEYS  stream, head, lanes, scopes, then n index streams, then m operations
# ARGV  format, part, lane, lane before, lane after, link, count, seal, signature, packed, names, n, m, channel, shard,
#       then for each index: scope, newest place in the group, records; for each operation: place in the group, answer, seconds to live or 0
# A lane's own head is what makes this safe to send twice and to arrive late: the second finds another head.
STORE = Script("""
local stream, head, lanes, scopes = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local part, n, m = ARGV[2], tonumber(ARGV[12]), tonumber(ARGV[13])
local was = redis.call('HMGET', head, 'format', part .. ':offset', part .. ':link')
if was[1] and was[1] ~= ARGV[1] then return {'format'} end
local mine = redis.call('HGET', lanes, ARGV[3]) or ''
if mine ~= ARGV[4] then return {'lane', mine} end
local known = {'known'}
for i = 1, m do
  local answer = redis.call('GET', KEYS[4 + n + i])
  if answer then
    known[#known + 1] = i
    known[#known + 1] = answer
  end
end
if #known > 1 then return known end
local offset = tonumber(was[2] or '0')
local last = string.format('%.0f', offset + tonumber(ARGV[7]))
redis.call('XADD', stream, last .. '-0', 's', ARGV[8], 'g', ARGV[9], 'p', ARGV[10], 'b', was[3] or '', 'o', ARGV[11])
redis.call('HSET', head, 'format', ARGV[1], part .. ':offset', last, part .. ':link', ARGV[6])
redis.call('HINCRBY', head, part .. ':bytes', #ARGV[8] + #ARGV[9] + #ARGV[10] + #ARGV[11] + 64)
redis.call('HSET', lanes, ARGV[3], ARGV[5])
local at = 15
for i = 1, n do
  redis.call('XADD', KEYS[4 + i], last .. '-0', 'n', ARGV[at + 3])
  redis.call('HSET', scopes, ARGV[at + 1], string.format('%.0f', offset + tonumber(ARGV[at + 2])))
  at = at + 3
end
for i = 1, m do
  local place = string.format('%.0f', offset + tonumber(ARGV[at + 1]))
  redis.call('SET', KEYS[4 + n + i], place .. ':' .. ARGV[at + 2])
  if ARGV[at + 3] ~= '0' then redis.call('EXPIRE', KEYS[4 + n + i], ARGV[at + 3]) end
  at = at + 3
end
if part == 'e' then redis.pcall('PUBLISH', ARGV[14], ARGV[15]) end
return {'stored', last}
""")

_LINEAGE = """
local function lost(head, stream, offset, link)
  local seen = tonumber(offset)
  if seen == 0 then return false end
  local now = redis.call('HMGET', head, 'e:offset', 'e:link')
  local newest = tonumber(now[1] or '0')
  if newest <= seen then return newest < seen or now[2] ~= link end
  local next = redis.call('XRANGE', stream, string.format('%.0f-0', seen + 1), '+', 'COUNT', 1)[1]
  if next then
    for j = 1, #next[2], 2 do
      if next[2][j] == 'b' then return next[2][j + 1] ~= link end
    end
  end
  return false
end
"""

# KEYS  stream, index of the scope, head    ARGV  after, records, bytes, seen offset, seen link
# Groups of one scope, whole, until there are so many records or bytes; the first reply says whether that was all.
# Refuses where the store no longer has what this process has seen last: its states are of another past.
READ = Script(
    _LINEAGE
    + """
if lost(KEYS[3], KEYS[1], ARGV[4], ARGV[5]) then return 'rewound' end
local most, room = tonumber(ARGV[2]), tonumber(ARGV[3])
local found = redis.call('XRANGE', KEYS[2], string.format('%.0f-0', tonumber(ARGV[1]) + 1), '+', 'COUNT', ARGV[2])
local groups, records, bytes = {0}, 0, 0
local all = #found < most
for i, place in ipairs(found) do
  local entry = redis.call('XRANGE', KEYS[1], place[1], place[1])[1]
  if entry then
    groups[#groups + 1] = entry
    for j = 2, #entry[2], 2 do bytes = bytes + #entry[2][j] end
  end
  records = records + tonumber(place[2][2])
  if records >= most or bytes >= room then
    all = all and i == #found
    break
  end
end
if all then groups[1] = 1 end
return groups
"""
)

# KEYS  snapshot, head, snapshots, stream    ARGV  scope, offset, blob, seen offset, seen link
# Refuses one that was folded from records that the store has lost since, and ignores one that is older than the stored.
SNAPSHOT = Script(
    _LINEAGE
    + """
if lost(KEYS[2], KEYS[4], ARGV[4], ARGV[5]) then return 'rewound' end
local stored = redis.call('HGET', KEYS[1], 'offset')
if stored and tonumber(stored) > tonumber(ARGV[2]) then return 'older' end
redis.call('HSET', KEYS[1], 'offset', ARGV[2], 'blob', ARGV[3])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
return 'stored'
"""
)

# KEYS  head    ARGV  offset, order
ORDER = Script("""
local known = tonumber(redis.call('HGET', KEYS[1], 'o:offset') or '0')
if known >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'o:offset', ARGV[1], 'o:order', ARGV[2])
return 1
""")

# KEYS  stream, head, then index streams
# ARGV  part, first id that stays, bytes that go, newest offset that goes, order, where the stream began when it was looked at
# Does nothing where another process has trimmed meanwhile: it counted the same bytes.
TRIM = Script("""
if tonumber(redis.call('HGET', KEYS[2], ARGV[1] .. ':base') or '0') ~= tonumber(ARGV[6]) then return 0 end
local gone = redis.call('XTRIM', KEYS[1], 'MINID', ARGV[2])
for i = 3, #KEYS do redis.call('XTRIM', KEYS[i], 'MINID', ARGV[2]) end
if gone > 0 then
  redis.call('HINCRBY', KEYS[2], ARGV[1] .. ':bytes', -tonumber(ARGV[3]))
  redis.call('HSET', KEYS[2], ARGV[1] .. ':base', ARGV[4], ARGV[1] .. ':before', ARGV[5])
end
return gone
""")

# KEYS  head, a stream, a key of its own    ARGV  channel
# Everything that STORE, SNAPSHOT and TRIM may do, on keys that nobody reads: says whether the store takes writes from us.
PROBE = Script("""
redis.call('XADD', KEYS[2], 'MAXLEN', 1, '*', 'p', 'p')
redis.call('XTRIM', KEYS[2], 'MAXLEN', 0)
redis.call('HSET', KEYS[3], 'p', '0')
redis.call('HINCRBY', KEYS[3], 'p', 1)
redis.call('HDEL', KEYS[3], 'p')
redis.call('SET', KEYS[3], 'p', 'PX', 1000)
redis.call('EXPIRE', KEYS[3], 1)
redis.call('DEL', KEYS[3])
return redis.call('HGET', KEYS[1], 'format') or ''
""")
