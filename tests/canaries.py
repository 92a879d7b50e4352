"""Secrets as people write them, by kind, and texts that only look like them: what secrecy must hide and must show."""

from base64 import b32encode, b64encode
from urllib.parse import quote


def encode(text: str, times: int = 1) -> str:
    for _ in range(times):
        text = b64encode(text.encode()).decode()
    return text


NAMES = (
    "DB_PASSWORD", "ADMIN_PW", "RootPw", "PEPPER", "SESSION_COOKIE",
    "DB_PASS", "DB_PASSWORDS", "API_TOKEN", "API_TOKENS", "API_KEY", "API_KEYS", "APP_SECRET",
    "APP_SECRETS", "CLIENT_SECRET", "PRIVATE_KEY", "SSH_KEY", "JWT", "CONNECTION_STRING", "ConnectionString",
    "SIGNING_KEY", "MASTER_KEY", "ENCRYPTION_KEY", "STRIPE_KEY", "PASSPHRASE", "PGPASSWORD", "SESSION_TOKEN",
    "apiKey", "dbPassword", "SmtpPwd", "LICENSE_KEY", "CREDENTIALS", "SENTRY_DSN", "GITHUB_PAT", "BASIC_AUTH",
    "HMAC_KEY", "DB_PASSWORD_2", "API_KEY_V2", "OTP", "SALT", "pAsSwOrD", "CONN_STR", "DEPLOY_KEY", "npmAuthToken",
    "BEARER", "COOKIE",
    "DBPW", "MYSQLPWD", "AESKEY", "TLSKEY", "KEYPHRASE", "PRIVATE_JWK", "PIN_CODE", "SEED_WORDS", "MDP",
    "SESSION_ID", "SESSIONID", "CLIENT_ASSERTION", "SAML_ASSERTION", "PIN", "SIGNATURE", "PRIVATE",
    "CSRF", "NONCE", "MFA_SEED", "RECOVERY_PHRASE", "BACKUP_CODES", "ACCESS_CODE", "WEBHOOK_URL", "PRESIGNED_URL",
    "KEYTAB",
    "PASSWORD_HASH", "USERPASS", "PSK", "SNMP_COMMUNITY", "CONTRASENA", "WACHTWOORD", "PASSW0RD", "S3CRET", "pa55word",
    "DBPASS_RW", "MYSQL_PASS_ANALYTICS", "CLIENTSECRET_EU", "SECRETS_JSON", "PASSWORDS_B64", "KEYSTORE_BASE64",
    "APP_KEYBASE", "APP_KEY_BASE", "SASL_JAAS_CONFIG", "SLACK_WEBHOOK", "SLACK_HOOK_URL", "CARD_NUMBER", "PRIVATE_PEM",
    "MNEMONIC", "SEED_PHRASE", "SEEDPHRASE", "LICENSEKEY", "API_KEY_LIVE_EU", "DOCKER_AUTH_CONFIG", "AUTH_HEADER",
    "APPLE_P12", "RSA_PRIV", "VAULT_UNSEAL", "_authToken", "REQUIREPASS", "KUBECONFIG", "LOGIN_CODE", "SSN",
    "pаssword", "ｐａｓｓｗｏｒｄ", "PASSWОRD", "pässwörd", "𝐩𝐚𝐬𝐬𝐰𝐨𝐫𝐝", "ѕесrеt", "пароль", "パスワード", "toҝen",
)  # fmt: skip
"""Names under which whatever stands is a secret."""

TEXTS = {
    "quoted": 'PGPASSWORD="a b {}"', "single quotes": "PGPASSWORD='a; b {}'", "semicolon": "PASSWORD=a;b{}",
    "dollar": "PASSWORD=$e{}", "ampersand": "PASSWORD=&a{}", "blanks": "password = {}", "yaml": "password: {}",
    "yaml block": "a: b\npassword: |\n  {}", "yaml next line": "a: b\npassword:\n  {}",
    "json": '{{"password": "{}"}}', "escaped json": '{{\\"password\\":\\"{}\\"}}',
    "json in words": 'got {{"password": "{}"}} back', "option": "run --password {}", "option =": "run --password=a{}",
    "option -D": "java -Dpassword={}", "header": "Authorization: Bearer {}", "cookie": "Cookie: sid={}",
    "set cookie": "curl -H 'Set-Cookie: __Host-sid={}; Secure'", "basic": "Authorization: Basic {}",
    "bearer": "curl -H 'Bearer {}12'", "api key header": "x-api-key: {}", "code": "const apiKey = '{}'",
    "code call": 'client.setPassword("{}")', "code dict": "connect(host='x', password='{}')", "go": 'secret := "{}"',
    "ruby": "secret => '{}'", "xml": "<Password>{}</Password>", "sql": "SELECT 1 WHERE token = '{}'",
    "alter": "ALTER USER app PASSWORD '{}'", "identified": "CREATE USER a IDENTIFIED BY '{}'",
    "mysql": "mysql -u app -p{}", "curl": "curl -u app:{} x", "sshpass": "sshpass -p {} ssh x",
    "netrc": "machine x login y password {}", "query": "x?a=b&token={}", "ado": "Server=x;Uid=a;Pwd={};",
    "jdbc": "jdbc:mysql://h/db?user=a&password={}", "default": "PASSWORD=${{X:-{}}}",
    "registry": "//registry.npmjs.org/:_authToken={}", "url": "postgres://app:{}@db/app",
    "url slash": "postgres://app:a/{}@db/app", "url at": "postgres://app:a@{}@db/app",
    "token url": "https://{}@host/x", "empty user": "redis://:{}@cache:6379", "no scheme": "app:{}@tcp(db:3306)/app",
    "git token": "git+https://{}@github.com/a/b",
    "key": "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----",
    "azure": "AccountName=a;AccountKey={}", "presigned": "https://b.s3.amazonaws.com/k?X-Amz-Signature={}",
    "query key": "https://h.example/x?key={}", "query code": "https://h.example/x?a=b&code={}",
    "fragment": "https://h.example/x#access_token={}", "query sid": "https://h.example/x?sid={}",
    "query amp": "https://h.example/x?a=b&amp;signature={}", "told": "the password is {}",
    "told of a key": "The secret key is {}", "told later": "Your new password will be {}", "bare pwd": "pwd {}",
    "bare name": "DB_PASSWORD {}", "dockerfile": "ENV DB_PASSWORD {}", "for somebody": "Password for app: {}",
    "was set": "The default password was set to {}", "in German": "das Passwort lautet {}", "pipe": "password|{}",
    "arrow": "password => {}", "csv": "password;{}", "beside": "name=password value={}",
    "xml attribute": "<add key='password' value='{}'/>", "option -p": "tool -p {}",
    "user and -p": "tool -u admin -p {}",
    "option -u": "tool -u admin:{}", "proxy user": "curl --proxy-user a:{} x", "ldap": "ldapsearch -x -w {}",
    "openssl": "openssl rsa -passin pass:{}", "samba": "smbclient -U a%{} //h/s", "zip": "zip -P {} a.zip b",
    "cyrillic": "pаssword={}", "full width": "ｐａｓｓｗｏｒｄ={}", "full width sign": "password＝{}",
    "bold": "𝐩𝐚𝐬𝐬𝐰𝐨𝐫𝐝: {}",
    "no width": "pass\u200bword={}", "soft hyphen": "pass\u00adword={}", "entity": "p&#97;ssword={}",
    "vault login": "vault login {}", "vault put": "vault kv put secret/a x={}",
    "literal": "kubectl create secret generic a --from-literal=x={}",
    "secure string": "aws ssm put-parameter --name a --type SecureString --value {}",
    "gh": "gh secret set A --body {}",
    "fly": "fly secrets set A={}", "sudo": "echo {} | sudo -S ls",
    "stdin": "printf '{}' | docker login --password-stdin",
    "chpasswd": "echo bob:{} | chpasswd", "htpasswd": "htpasswd -nb bob {}", "rabbit": "rabbitmqctl add_user a {}",
    "openssl enc": "openssl enc -aes256 -k {} -in a", "set for": "SET PASSWORD FOR 'a' = '{}'",
    "xml element": "<password value='{}'/>", "make": "PASSWORD ?= {}", "R": "password <- '{}'",
    "netrc lines": "machine h\n  login b\n  password {}", "netrc account": "machine h account a password {}",
    "redis": "AUTH {}", "redis user": "AUTH default {}", "redis-cli": "redis-cli -h c AUTH {}",
    "redis call": "redis.call('AUTH', '{}')", "redis config": "masterauth {}", "redis user list": "user a on >{} ~*",
    "redis ACL": "ACL SETUSER a on >{} ~*", "SASL": "AUTH PLAIN {}", "Oracle": "ALTER USER a IDENTIFIED BY {};",
    "Oracle values": "IDENTIFIED BY VALUES 'S:{}'", "sqlplus": "sqlplus -S scott/{}@db",
    "SQLCipher": "PRAGMA key = '{}'",
    "mysql -p": "mysql -u a -p {}", "npmrc": "//r.example/:_password={}", "net use": "net use z: \\\\h\\s {} /user:b",
    "set-cookie": "['set-cookie', 'sid={}']", "setcookie": "setcookie('sid', '{}')", "curl -b": "curl -b sid={} x",
    "pgpass": "db.internal:5432:shop:app:{}",
    "slack": "https://hooks.slack.com/services/T0/B0/{}", "redis, small": "auth {}1x",
    "redis user, small": "select 0\nauth default {}1x\nping", "httpie": "http -a bob:{} h/x",
    "net user": "net user bob {} /add", "jdbc of Oracle": "jdbc:oracle:thin:scott/{}@h", "ipmi": "ipmitool -P {} power",
    "aws configure": "aws configure set aws_secret_access_key {}",
    "refused": "1 validation error detected: Value '{}' at 'masterUserPassword' failed to satisfy constraint: length",
    "refused for": "Value ({}) for parameter MasterUserPassword is invalid. Use printable characters.",
    "refused string": "[#/AuthToken: string [{}] does not match pattern ^x$]",
    "refused, too long": "#/AuthToken: expected maxLength: 8, actual: 12 ({})",
    "refused key": "Incorrect API key provided: {}1. You can find your API key at h", "API key": "API key: {}",
    "two words": "license key {}1 expired", "connection string": "The connection string is {}",
    "secret value": "Secret value: {}", "security code": "the security code is {}1",
    "fallback": "password = process.env.PW || '{}'", "fallback, new": 'password = process.env.PW ?? "{}"',
    "fallback, Python": "password = os.environ.get('PW', '{}')", "fallback, or": "password = env.PW or '{}'",
    "fallback, named": 'password = config.get("pw", default="{}")', "typed": 'password: str = "{}"',
    "typed, Go": 'var password string = "{}"', "column": "ADD COLUMN token text DEFAULT '{}'",
    "insert": "INSERT INTO users (name, password) VALUES ('a', '{}')", "login": "client.login('a', '{}')",
    "named element": '<property name="db.password">{}</property>',
    "inner element": '<setting name="Token"><value>{}</value></setting>',
    "parameter": "ParameterKey=DbPassword,ParameterValue={}", "ssh-keygen": "ssh-keygen -t rsa -N {} -f k",
    "snmp": "snmpwalk -v3 -A {} h", "cargo": "cargo login {}", "here string": "passwd bob <<< {}",
    "Oracle, easy connect": "app/{}@//db.internal:1521/svc",
}  # fmt: skip
"""Texts under a name that says nothing, around a secret."""

SHAPES = {
    "AWS": "AKIAIOSFODNN7EXAMPLE", "GitHub": "ghp_" + "a1B2" * 9, "GitLab": "glpat-" + "a1B2" * 5,
    "Slack": "xoxb-" + "123456789012-abcdef", "Stripe": "sk_live_" + "a1B2" * 6, "npm": "npm_" + "a1B2" * 9,
    "OpenAI": "sk-proj-" + "a1B2" * 10, "Anthropic": "sk-ant-" + "a1B2" * 8, "Google": "AIza" + "a1B2c" * 7,
    "SendGrid": "SG." + "a1B2" * 5 + "." + "a1B2" * 5, "PyPI": "pypi-" + "a1B2" * 10,
    "Docker": "dckr_pat_" + "a1B2" * 6, "Vault": "hvs." + "a1B2" * 6,
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.a1B2a1B2", "bcrypt": "$2b$12$" + "a1B2c" * 10 + "abc",
    "Telegram": "123456789:AA" + "a1B2" * 8, "random": "Zx8Kq2Lm9Pw4Rt7Vb3Nc6Yd1",
    "small letters": "q7rk2x9bn4mz8vt3lw6pd5", "capital letters": "QZ7RK2X9BN4MZ8VT3LW6PD5H",
    "with signs": "d9!kL#2$pQz&8*Rw@5",
    "wallet": "legal winner thank year wave sausage worth useful legal winner thank yellow",
    "key of 32 bytes": "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318",
    "card": "4111111111111111", "card in groups": "pays with 5555 5555 5555 4444.", "card of 15": "3782-822463-10005",
    "basic": "Basic Ym9iOmh1bnRlcjI=", "HubSpot": "pat-na1-9f86d081-884c-7d65-9a2f-eaa0c55ad015",
    "Sourcegraph": "sgp_" + "9f86d081" * 5, "CircleCI": "CCIPAT_" + "a1B2c3D4e5" * 2 + "ab_" + "9f86d081" * 5,
    "LangSmith": "lsv2_pt_" + "9f86d081" * 4 + "_9f86d08188", "Neon": "napi_" + "a1b2c" * 11,
    "MWS": "amzn.mws.9f86d081-884c-7d65-9a2f-eaa0c55ad015", "Groq": "gsk_" + "a1B2" * 13,
    "secret key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "1Password": "A3-JZDE8G-D6NCF10EPF9-DHODZ-OC9IS-J8HT9", "Alibaba": "LTAI" + "a1B2" * 5,
    "swarm": "SWMTKN-1-" + "a1b2c" * 10 + "-" + "a1b2c" * 5, "Octopus": "API-" + "F896L6FBR118Z" * 2,
    "Plaid": "access-sandbox-9f86d081-884c-7d65-9a2f-eaa0c55ad015", "ReadMe": "rdme_" + "a1b2c" * 14,
    "SonarQube": "sqp_" + "9f86d08188" * 4, "Typeform": "tfp_" + "a1b2c" * 11, "OpenShift": "sha256~" + "a1B2c" * 9,
    "Gitea": "gta_9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "product key": "5SI3T-QPOO2-PRJT0-6I89D-UZ9CA",
    "with brackets": "A8mG(StQF^1w0AbllSPv",
}  # fmt: skip
"""Whole secrets under a name that says nothing."""


def encoded(secret: str) -> dict[str, str]:
    """Texts in which a secret is encoded."""
    plain = f"password={secret}"
    return {
        "base64": encode(plain), "base64 twice": encode(plain, 2), "base64 of a url": encode(f"https://a:{secret}@h/x"),
        "base64 in words": f"data {encode(plain)} end", "base64 of json": encode(f'{{"password": "{secret}"}}'),
        "hexadecimal": plain.encode().hex(), "base32": b32encode(plain.encode()).decode().rstrip("="),
        "hexadecimal of base64": encode(plain).encode().hex(), "percent twice": quote(quote(plain, safe=""), safe=""),
        "every percent": "".join(f"%{each:02x}" for each in plain.encode()),
        "escapes": "".join(f"\\x{each:02x}" for each in plain.encode()),
        "entities": "".join(f"&#{each};" for each in plain.encode()),
        "percent": quote(f"password={secret}", safe=""),
    }  # fmt: skip


PLAIN = (
    "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/db-AbCdEf",
    "sha256:9f86d081884c7d659a2feaa0c55ad015",
    "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:1.2.3",
    "ghcr.io/acme/shop:v1@sha256:9f86d081884c7d659a2feaa0c55ad015", "i-0abcd1234ef567890", "vpc-0a1b2c3d",
    "cron(0 20 ? * MON-FRI *)", "rate(5 minutes)", "SELECT id, password FROM users WHERE password = ?",
    "SELECT 1 WHERE token = $1", "https://example.com/a?b=c", "https://login.example.com/oauth/token",
    "postgres://app@db.internal:5432/app", "redis://cache:6379", "mail@example.com",
    "https://registry.npmjs.org/@scope/pkg", "git@github.com:acme/shop.git", "ssh://git@github.com/acme/shop.git",
    "auth service", "auth oauth2", "auth sha256", "auth required pam_unix.so", "auth: none", "Basic authentication",
    "4111 1111 1111 1112", "1764446400000", "order 12345678901234", "id:4242424242424242", "411111111111",
    "eu-central-1a", "password must be at least 8 characters", "the token has expired", "a=b; path=/x; key=value",
    "PASSWORD=$DB_PASSWORD", "PASSWORD=${DB_PASSWORD}", "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "2026-11-28T22:34:00Z", "10.0.0.0/16", "nodejs24.x", "MAX_TOKENS=4096", "tokenizer=bpe", "sort_key=id",
    "cache-key: user", "s3://bucket/key", "secretsmanager:GetSecretValue", "docker run -p 3000:3000 shop",
    "node -p 1+1", "openssl req -x509 -newkey rsa:4096 -nodes", "echo done | tee log", "vault login -method=aws",
    "12:30:45:00:11", "sudo -S ls", "gh secret list", "<p value='a'/>", "echo $PASSWORD | sudo -S ls",
    "mkdir -p /var/lib/app1", "psql -p 5432", "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
    "https://example.com/?page=2", "AUTH LOGIN", "AUTH failed for user bob", "AUTH $REDIS_PASSWORD", "AUTH: none",
    "NOAUTH Authentication required.", "the stack identified by its name is gone", "sqlplus /nolog @x.sql",
    "user app on nopass ~*", "the old job ran too long and the new pod was cut",
    "shop-dev-worker-OrdersFunction-aB3dE5fG7hI9", "Extended Request ID: oJ7x6aY2b9ZKqQmR0cS1tU3vW4xY5zA6bC7dE8fG9hI=",
    "VersionId 3sL4kqtJlcpXroDTDmJrmSpXd3dIbrHY", "Hosted zone Z08233182VX8Y6O4W7N8K not found", "the pin 5 of 12",
    "password is set by RDS", "the password must contain at least 12 characters", "Größe: groß", "10 µs", "данные: 1",
    "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "RequestToken: 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "Secret shop/dev/database-AbC1dE not found",
    "shop-dev-database-cluster-1abcdefghijk.cluster-c1a2b3d4e5f6.eu-central-1.rds.amazonaws.com",
    "LocalIpv6NetworkCidr", "Ec2LaunchTemplateVersionMaxLimitExceeded", "id-token: write", "API key: ${API_KEY}",
    "docker login --username AWS --password-stdin", "the license key expired", "Value 'x' at 'queueName' is too short",
    "the key of the connection string is unknown", "password = os.environ.get('PW', '')",
    "db-ABCDEFGHIJ1KLMNOPQR2STUVWXY", "shop_dev_worker_orders_queue_depth_alarm_of_2026",
    "/aws/lambda/shop/2026/11/29/[$LATEST]9f86d081884c7d659a2feaa0c55ad015", "infragen-20261129T021038Z-4f1b2b0b822c",
)  # fmt: skip
"""Texts that must stay readable."""

DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
OF_DIGESTS = (
    "ImageTag", "GIT_COMMIT", "RELEASE", "BUILD_SHA", "IMAGE_DIGEST", "S3Key", "S3ObjectVersion", "ContentHash",
    "APP_VERSION", "TraceId",
)  # fmt: skip
"""Names under which a digest, a commit or a version stands."""

ABOUT = (
    "PASSWORD_LENGTH", "TOKEN_TTL", "SECRET_ARN", "SecretId", "PasswordPolicy", "KmsKeyId", "PublicKey", "S3Key",
    "SORT_KEY", "MAX_TOKENS", "TOKEN_URL", "PASSWORD_FILE", "SecretsManager", "BYPASS", "COMPASS", "PassThrough",
    "AUTHOR", "PARTITION_KEY", "KEY_ID", "KEY_ARN", "TABLE_KEY_SCHEMA", "KMS_KEY_ARN_EU", "JSON_CONFIG",
    "PUBLIC_KEY_PEM", "WEBHOOK_PATH", "CARD_COUNT", "SEED_DATA", "KEYBOARD_LAYOUT", "PRIVATE_SUBNETS", "AUTH_URL",
    "JAAS_ENABLED", "SASL_MECHANISM", "BYPASS_RW", "PAGE_NUMBER", "SENTRY_RELEASE", "GIT_HOOK",
)  # fmt: skip
"""Names that only speak of secrets."""
