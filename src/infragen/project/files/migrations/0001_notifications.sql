-- Up Migration

-- Old code runs on the new schema during every deployment and after every rollback. So add first (nullable, or with a
-- constant default), let the code write both, backfill, switch the reads, and drop one release later.

create table notifications (
  id uuid primary key,
  recipient text not null,
  body text not null,
  state text not null default 'queued' check (state in ('queued', 'sent')),
  deliveries integer not null default 0,
  created_at timestamptz not null default now(),
  sent_at timestamptz
);

-- Messages on their way to the queue: written in the transaction of what they are about, deleted once they are sent.
create table outbox (
  position bigint generated always as identity primary key,
  event_id uuid not null unique,
  message_group text not null,
  body text not null,
  traceparent text
);

-- What each worker has done. A queue delivers a message more than once now and then; this makes its effect happen once.
create table processed (
  consumer text not null,
  event_id uuid not null,
  processed_at timestamptz not null default now(),
  primary key (consumer, event_id)
);
create index processed_at on processed (processed_at);
