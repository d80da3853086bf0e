-- For wrk: one image a request, as `load.rs` sends it.
--   wrk -t1 -c32 -d8s --latency -s crates/serve/examples/load.lua http://127.0.0.1:8080/v1/predict
local pixels = {}
for at = 0, 783 do
  pixels[at + 1] = (at * 7 + 13) % 256
end
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.body = '{"pixels":[' .. table.concat(pixels, ",") .. '],"addend":7}'
