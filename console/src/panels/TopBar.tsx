import { LANGUAGES, type Language, useWords } from "../i18n/i18n";
import { age_s } from "../state/rules";
import { useSelect } from "../state/store";
import { Segmented, useNow } from "../ui/parts";
import { WhoIsHere } from "./LogIn";

function LiveState() {
  const { t, age } = useWords();
  const live = useSelect((s) => s.live);
  const now_ms = useNow();
  const heard = age(age_s(live.heard_ms, now_ms));
  return (
    <p className="live-state" data-phase={live.phase} role="status">
      <i aria-hidden="true" />
      {t(`live.${live.phase}`)}
      {live.phase === "lost" && live.heard_ms !== null ? ` · ${heard}` : ""}
    </p>
  );
}

export function TopBar({
  language,
  setLanguage,
}: {
  language: Language;
  setLanguage(language: Language): void;
}) {
  const { t } = useWords();
  const site = useSelect((s) => s.site?.name ?? "");
  const unreadable = useSelect((s) => s.live.unreadable);
  return (
    <header className="top">
      <h1>
        <img src="/favicon.svg" alt="" width="22" height="22" />
        patrolctl
      </h1>
      <p className="top-site">{site || t("app.title")}</p>
      <span className="top-space" />
      {unreadable > 0 ? (
        <p className="top-warn">{t("live.unreadable", { n: unreadable })}</p>
      ) : null}
      <LiveState />
      <WhoIsHere />
      <Segmented<Language>
        label={t("app.language")}
        value={language}
        options={Object.entries(LANGUAGES).map(([value, text]) => ({
          value: value as Language,
          text,
        }))}
        onChange={setLanguage}
      />
    </header>
  );
}
