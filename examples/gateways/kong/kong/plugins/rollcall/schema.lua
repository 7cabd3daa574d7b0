local typedefs = require "kong.db.schema.typedefs"

return {
  name = "rollcall",
  fields = {
    { consumer = typedefs.no_consumer },
    { protocols = typedefs.protocols_http },
    {
      config = {
        type = "record",
        fields = {
          -- Where authz answers, as in http://127.0.0.1:8084/authz.
          { url = typedefs.url { required = true } },
          -- In milliseconds, for connecting, sending and reading each.
          { timeout = { type = "integer", required = true, default = 5000, between = { 1, 60000 } } },
        },
      },
    },
  },
}
