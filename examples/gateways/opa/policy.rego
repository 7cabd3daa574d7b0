package authz

import future.keywords.contains
import future.keywords.if
import future.keywords.in

# Your issuer, and what its tokens must be for.
issuer := "https://idp.example"

audience := "api"

keys_url := "https://idp.example/jwks"

default decision := {"allow": false, "status": 401}

decision := {"allow": true, "status": 200, "subject": claims.sub, "issuer": claims.iss} if {
	not struck
	fresh
	claims
}

# Whether the token is struck cannot be told.
decision := {"allow": false, "status": 503} if {
	not struck
	not fresh
	claims
}

allow := decision.allow

token := substring(input.authorization, 7, -1) if startswith(lower(input.authorization), "bearer ")

keys := http.send({
	"method": "GET",
	"url": keys_url,
	"force_cache": true,
	"force_cache_duration_seconds": 300,
	"raise_error": false,
}).raw_body

now_sec := time.now_ns() / 1000000000

# The signature by the issuer's keys, the issuer, the audience, exp and nbf; then what decode_verify leaves open.
claims := payload if {
	[valid, header, payload] := io.jwt.decode_verify(token, {
		"cert": keys,
		"alg": "RS256",
		"iss": issuer,
		"aud": audience,
	})
	valid == true
	not header.crit
	lower(object.get(header, "typ", "JWT")) in {"jwt", "at+jwt", "application/at+jwt"}
	is_string(payload.sub)
	payload.sub != ""
	is_number(payload.exp)
	issued <= now_sec + 30
}

# A token that does not say when it was issued counts as oldest.
issued := object.get(io.jwt.decode(token)[1], "iat", 0)

# What an entry of the feed may name of the token; each part in base64url, so that no claim can feign another name.
part(text) := base64url.encode_no_pad(text)

named contains name if name := sprintf("iss.%s", [part(claims.iss)])

named contains name if name := sprintf("sub.%s.%s", [part(claims.iss), part(claims.sub)])

named contains name if name := sprintf("sid.%s.%s", [part(claims.iss), part(claims.sid)])

named contains name if name := sprintf("jti.%s.%s", [part(claims.iss), part(claims.jti)])

named contains name if name := sprintf("tenant.%s.%s", [part(claims.iss), part(claims.tid)])

# Dead is what was issued before the second that an entry says.
struck if {
	some name in named
	issued < data.rollcall.revocations.not_before[name]
}

# The state speaks of these revocations, and may still be believed. Where either is missing, this is not true.
fresh if {
	data.rollcall.state.epoch == data.rollcall.revocations.epoch
	data.rollcall.state.seq <= data.rollcall.revocations.seq
	now_sec < data.rollcall.state.until
}
