import { useWords } from "../i18n/i18n";
import type { Draft, Finding, Lint } from "../said";

function Line({ finding, draft }: { finding: Finding; draft: Draft }) {
  const { t } = useWords();
  const { text, start, end, says } = finding;
  const texts = draft.texts.filter((one) => one.text.trim() !== "");
  const quoted =
    text !== null && start !== null && end !== null
      ? (texts[text]?.text.slice(start, end) ?? "")
      : "";
  const what =
    says !== null
      ? t("lint.reads", { text: quoted, says })
      : [quoted && `“${quoted}”`, finding.what].filter(Boolean).join(" ");
  return (
    <li data-level={finding.level}>
      <b>{t(`lint.${finding.level}`)}</b>
      <span>
        {finding.lang ? <i>{finding.lang}</i> : null} {what}
        {finding.right ? <small>{finding.right}</small> : null}
      </span>
    </li>
  );
}

const ORDER = { fault: 0, warn: 1, note: 2 };

/** How long it lasts, how fast, and everything that should be changed. */
export function LintView({ lint, draft }: { lint: Lint; draft: Draft }) {
  const { t, number } = useWords();
  const findings = [...lint.findings].sort((a, b) => ORDER[a.level] - ORDER[b.level]);
  const seconds = (s: number) => `${number(s, 1)} s`;
  const rates = new Map(lint.texts.map((one) => [one.lang, one.syllables_s]));
  return (
    <section className="lint" aria-label={t("lint.title")} aria-live="polite">
      <p className="num">
        <b>
          {t("lint.length", {
            time: seconds(lint.duration_s),
            total: seconds(lint.total_s),
          })}
        </b>{" "}
        <span className="muted">
          {t(lint.measured ? "lint.measured" : "lint.estimated")}
        </span>
      </p>
      <p className="muted num">
        {[...rates]
          .map(([lang, n]) => t("lint.rate", { lang, n: number(n, 1) }))
          .join(" · ")}
      </p>
      {findings.length === 0 ? <p className="good-text">{t("lint.clear")}</p> : null}
      <ul>
        {findings.map((one) => (
          <Line
            key={[one.rule, one.text, one.start, one.what].join(" ")}
            finding={one}
            draft={draft}
          />
        ))}
      </ul>
    </section>
  );
}
