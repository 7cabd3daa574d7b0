-- Asks authz about every request, as `forward-auth` does in other gateways. Kong OSS has no such plugin of its own.
local http = require "resty.http"

-- After Kong's own authentication (jwt has 1450), and before what counts or changes requests.
local Rollcall = { PRIORITY = 1400, VERSION = "0.1.0" }

local identity_headers = {
  "X-Auth-Subject",
  "X-Auth-Issuer",
  "X-Auth-Tenant",
  "X-Auth-User-Id",
  "X-Auth-Groups",
  "X-Revocation-As-Of",
  "X-Revocation-Cursor",
}

-- What a refusal tells the client.
local refusal_headers = { "WWW-Authenticate", "Retry-After", "Content-Type", "Cache-Control" }

-- Every way to spell a header with hyphens, underscores and dots: CGI, WSGI, PHP and their like take
-- them for one, and Kong lets underscores through.
local function spellings(name)
  local found = { "" }
  for part, hyphen in name:gmatch "([^-]+)(%-?)" do
    local longer = {}
    for _, begun in ipairs(found) do
      for _, separator in ipairs(hyphen == "" and { "" } or { "-", "_", "." }) do
        table.insert(longer, begun .. part .. separator)
      end
    end
    found = longer
  end
  return found
end

local never_from_clients = {}
for _, name in ipairs(identity_headers) do
  for _, spelling in ipairs(spellings(name)) do
    table.insert(never_from_clients, spelling)
  end
end

local function ask(conf)
  local client = http.new()
  client:set_timeout(conf.timeout)
  return client:request_uri(conf.url, {
    method = "GET",
    headers = {
      ["Authorization"] = kong.request.get_header "authorization",
      ["X-Forwarded-Method"] = kong.request.get_method(),
      ["X-Forwarded-Uri"] = kong.request.get_path_with_query(),
    },
  })
end

-- Only 200 lets pass, and only these refuse by what they say. Whatever else answers is not authz.
local function refuse(answer)
  if answer.status ~= 401 and answer.status ~= 403 and answer.status ~= 503 then
    kong.log.err("authz answered ", answer.status)
    return kong.response.exit(503, "", { ["Retry-After"] = "1" })
  end
  local headers = {}
  for _, name in ipairs(refusal_headers) do
    headers[name] = answer.headers[name]
  end
  return kong.response.exit(answer.status, answer.body, headers)
end

function Rollcall:access(conf)
  local answer, problem = ask(conf)
  if not answer then
    kong.log.err("authz cannot be reached: ", problem)
    return kong.response.exit(503, "", { ["Retry-After"] = "1" })
  end
  if answer.status ~= 200 then
    return refuse(answer)
  end
  for _, name in ipairs(never_from_clients) do
    kong.service.request.clear_header(name)
  end
  for _, name in ipairs(identity_headers) do
    local value = answer.headers[name]
    if type(value) == "string" and value ~= "" then
      kong.service.request.set_header(name, value)
    end
  end
end

return Rollcall
