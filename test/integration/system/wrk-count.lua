-- A run of wrk that ends after a number of requests, with none under way: each asks for a path of its own, from /1 up. When all are
-- answered it says so, and idles until it gets a SIGINT.
local count = tonumber(os.getenv('REQUEST_COUNT'))
local begun, sent, answered = 0, -1, 0
local FOR_EVER_MS = 3600000

-- Asked before each request.
function delay()
  begun = begun + 1
  if begun > count then return FOR_EVER_MS end
  return 0
end

-- The first call is only a trial.
function request()
  sent = sent + 1
  return 'GET /' .. sent .. ' HTTP/1.1\r\nHost: load.example.com\r\n\r\n'
end

function response()
  answered = answered + 1
  if answered == count then io.stderr:write('all answered\n') end
end

function done(summary)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"non2xx":%d,"socketErrors":%d,"timeouts":%d,"seconds":%.1f}\n',
    summary.requests, errors.status, errors.connect + errors.read + errors.write, errors.timeout, summary.duration / 1e6
  ))
end
