-- What each zone's role may do in its own database, after every migration. Run as the owner.
-- {role} is an identifier that the caller quotes.

-- Nobody reaches anything by being PUBLIC.
revoke all on schema public from public;
grant usage on schema public to {role};

grant select, insert, update, delete on all tables in schema public to {role};
grant usage, select on all sequences in schema public to {role};

-- The journal is append-only by the database itself, and which migrations ran is the owner's to say.
do $$
begin
    if to_regclass('public.journal') is not null then
        revoke update, delete on public.journal from {role};
    end if;
    revoke insert, update, delete on public.django_migrations from {role};
end
$$;
