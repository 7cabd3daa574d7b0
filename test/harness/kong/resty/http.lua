-- The part of lua-resty-http that our plugin uses, on nginx's own sockets: nil and a word where nobody
-- answers, else the status, headers found in any letter case, and the body.
local any_case = {
  __index = function(headers, name)
    return rawget(headers, name:lower())
  end,
}

local function read(socket)
  local status_line, problem = socket:receive "*l"
  if not status_line then
    return nil, problem
  end
  local headers = setmetatable({}, any_case)
  for line in
    function()
      return socket:receive "*l"
    end
  do
    if line == "" then
      break
    end
    local name, value = line:match "^([^:]+):%s*(.-)%s*$"
    rawset(headers, name:lower(), value)
  end
  local length = tonumber(headers["content-length"] or "0")
  local body = length == 0 and "" or socket:receive(length)
  if not body then
    return nil, "closed"
  end
  return { status = tonumber(status_line:match "^HTTP/1%.1 (%d+)"), headers = headers, body = body }
end

local client = {}

function client:set_timeout(ms)
  self.ms = ms
end

function client:request_uri(uri, params)
  local host, port, path = uri:match "^http://([^:/]+):(%d+)(/.*)$"
  local socket = ngx.socket.tcp()
  socket:settimeout(self.ms)
  local connected, problem = socket:connect(host, tonumber(port))
  if not connected then
    return nil, problem
  end
  local lines = { params.method .. " " .. path .. " HTTP/1.1", "Host: " .. host .. ":" .. port, "Connection: close" }
  for name, value in pairs(params.headers) do
    table.insert(lines, name .. ": " .. value)
  end
  socket:send(table.concat(lines, "\r\n") .. "\r\n\r\n")
  local answer, failure = read(socket)
  socket:close()
  return answer, failure
end

return {
  new = function()
    return setmetatable({}, { __index = client })
  end,
}
