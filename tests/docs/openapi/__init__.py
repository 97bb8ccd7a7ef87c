"""The gateway's own OpenAPI document, `proxy/http/openapi.json`: made from its routes, the types that its requests are
checked against, and the tables that its answers are held to."""
