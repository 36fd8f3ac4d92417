import { type FormEvent, useEffect, useRef, useState } from "react";
import { useWords } from "../i18n/i18n";
import { logIn, logOut } from "../state/said";
import { useSelect } from "../state/store";

/** Only where operators are configured and nobody is logged in yet. */
export function LogIn({ retry }: { retry(): void }) {
  const session = useSelect((s) => s.session);
  return session?.log_in && !session.user ? <KeyForm retry={retry} /> : null;
}

function KeyForm({ retry }: { retry(): void }) {
  const { t } = useWords();
  const [key, setKey] = useState("");
  const [busy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    const done = await logIn(key.trim());
    setBusy(false);
    if (done) retry();
  };
  return (
    <div className="scrim">
      <dialog open className="launch login" aria-labelledby="login-title">
        <form onSubmit={(event) => void submit(event)}>
          <h2 id="login-title">{t("login.title")}</h2>
          <label className="field">
            <span>{t("login.key")}</span>
            <input
              ref={input}
              type="password"
              autoComplete="current-password"
              required
              maxLength={200}
              value={key}
              onChange={(event) => setKey(event.target.value)}
            />
            <small>{t("login.help")}</small>
          </label>
          <footer>
            <button type="submit" className="primary" disabled={busy}>
              {t("login.go")}
            </button>
          </footer>
        </form>
      </dialog>
    </div>
  );
}

export function WhoIsHere() {
  const { t } = useWords();
  const session = useSelect((s) => s.session);
  if (!session?.log_in || !session.user) return null;
  return (
    <p className="who">
      <span title={session.user.id}>{session.user.name}</span>
      <span className="muted">{t(`login.role.${session.user.role}`)}</span>
      <button type="button" className="link" onClick={() => void logOut()}>
        {t("login.out")}
      </button>
    </p>
  );
}
