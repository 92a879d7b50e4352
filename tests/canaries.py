"""Secrets as people write them, by kind, and texts that only look like them: what secrecy must hide and must show."""

from base64 import b64encode
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
    "BEARER",
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
    "slack": "https://hooks.slack.com/services/T0/B0/{}",
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
    "secret key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}  # fmt: skip
"""Whole secrets under a name that says nothing."""


def encoded(secret: str) -> dict[str, str]:
    """Texts in which a secret is encoded."""
    plain = f"password={secret}"
    return {
        "base64": encode(plain), "base64 twice": encode(plain, 2), "base64 of a url": encode(f"https://a:{secret}@h/x"),
        "base64 in words": f"data {encode(plain)} end", "base64 of json": encode(f'{{"password": "{secret}"}}'),
        "percent": quote(f"password={secret}", safe=""),
    }  # fmt: skip


PLAIN = (
    "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/db-AbCdEf",
    "sha256:9f86d081884c7d659a2feaa0c55ad015", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:1.2.3",
    "ghcr.io/acme/shop:v1@sha256:9f86d081884c7d659a2feaa0c55ad015", "i-0abcd1234ef567890", "vpc-0a1b2c3d",
    "cron(0 20 ? * MON-FRI *)", "rate(5 minutes)", "SELECT id, password FROM users WHERE password = ?",
    "SELECT 1 WHERE token = $1", "https://example.com/a?b=c", "https://login.example.com/oauth/token",
    "postgres://app@db.internal:5432/app", "redis://cache:6379", "mail@example.com",
    "https://registry.npmjs.org/@scope/pkg", "git@github.com:acme/shop.git", "ssh://git@github.com/acme/shop.git",
    "eu-central-1a", "password must be at least 8 characters", "the token has expired", "a=b; path=/x; key=value",
    "PASSWORD=$DB_PASSWORD", "PASSWORD=${DB_PASSWORD}", "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "2026-11-28T22:34:00Z", "10.0.0.0/16", "nodejs24.x", "MAX_TOKENS=4096", "tokenizer=bpe", "sort_key=id",
    "cache-key: user", "s3://bucket/key", "secretsmanager:GetSecretValue",
)  # fmt: skip
"""Texts that must stay readable."""

ABOUT = (
    "PASSWORD_LENGTH", "TOKEN_TTL", "SECRET_ARN", "SecretId", "PasswordPolicy", "KmsKeyId", "PublicKey", "S3Key",
    "SORT_KEY", "MAX_TOKENS", "TOKEN_URL", "PASSWORD_FILE", "SecretsManager", "BYPASS", "COMPASS", "PassThrough",
    "AUTHOR", "PARTITION_KEY",
)  # fmt: skip
"""Names that only speak of secrets."""
