# BASE is the service's address, KEY your API key. A new Idempotency-Key for each request; the same one to repeat it.
run=$(date +%s)-$$

curl -fsS "$BASE/image-forge-api/v1/sessions/upload" -H "X-API-Key: $KEY" -H "Idempotency-Key: upload-$run" \
  -F "images[]=@cat.jpg" -F "images[]=@coffee.jpg" > session.json

session=$(python3 -c 'import json; print(json.load(open("session.json"))["sessionId"])')
curl -fsSN "$BASE/image-forge-api/v1/sessions/$session/analyze" -H "X-API-Key: $KEY" \
  -H "Idempotency-Key: analyze-$run" -H "Content-Type: application/json" -d @session.json
