-- The part of Kong's plugin development kit that our plugin uses, done on nginx as Kong does it
-- (kong/pdk/request.lua, kong/pdk/service/request.lua, kong/pdk/response.lua, kong/pdk/log.lua of 3.x).
local function unless_text(name, value)
  if type(value) ~= "string" then
    error(name .. " must be a string", 3)
  end
end

return {
  request = {
    get_method = function()
      return ngx.req.get_method()
    end,
    get_path_with_query = function()
      return ngx.var.request_uri
    end,
    -- Of several, the first.
    get_header = function(name)
      unless_text("header name", name)
      local value = ngx.req.get_headers()[name]
      return type(value) == "table" and value[1] or value
    end,
  },
  service = {
    request = {
      set_header = function(name, value)
        unless_text("header", name)
        unless_text("value", value)
        ngx.req.set_header(name, value)
      end,
      clear_header = function(name)
        unless_text("header", name)
        ngx.req.clear_header(name)
      end,
    },
  },
  response = {
    -- A body that is a string is sent as it is; nothing runs after this.
    exit = function(status, body, headers)
      unless_text("body", body)
      ngx.status = status
      for name, value in pairs(headers or {}) do
        ngx.header[name] = value
      end
      ngx.header["Content-Length"] = #body
      ngx.print(body)
      return ngx.exit(ngx.OK)
    end,
  },
  log = {
    err = function(...)
      ngx.log(ngx.ERR, ...)
    end,
  },
}
