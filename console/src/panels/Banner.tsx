import { useWords } from "../i18n/i18n";
import { age_s } from "../state/rules";
import { useSelect } from "../state/store";
import { Icon } from "../ui/Icon";
import { useNow } from "../ui/parts";

/** Over the map, where the eyes are, for as long as the picture is old. */
export function Banner({ retry }: { retry(): void }) {
  const { t, age } = useWords();
  const live = useSelect((s) => s.live);
  const now_ms = useNow();
  if (live.phase !== "lost") return null;
  const heard = age_s(live.heard_ms, now_ms);
  return (
    <div className="banner" role="alert">
      <Icon name="warn" />
      <span>
        {heard === null
          ? t("live.banner.never")
          : t("live.banner", { age: age(heard) })}
      </span>
      <button type="button" onClick={retry}>
        {t("live.retry")}
      </button>
    </div>
  );
}
