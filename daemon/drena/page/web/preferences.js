/** What a person chose of the page's looks: the browser's language and the system's colours, until they say otherwise. */

const LANGUAGE = "drena.lang";
const THEME = "drena.theme";
export const THEMES = ["auto", "light", "dark"];

function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // it lasts as long as the page then
  }
}

/** The first of the browser's languages that the page speaks; Portuguese when it speaks none. */
export function languageOf(wanted, languages) {
  for (const each of languages) {
    const language = each.toLowerCase().split("-")[0];
    if (language === "pt" || language === "en") return wanted ?? language;
  }
  return wanted ?? "pt";
}

export function preferences(changed) {
  const known = read(LANGUAGE);
  const held = {
    lang: languageOf(known === "pt" || known === "en" ? known : null, navigator.languages ?? [navigator.language]),
    theme: THEMES.includes(read(THEME)) ? read(THEME) : "auto",
    setLang(lang) {
      held.lang = lang;
      write(LANGUAGE, lang);
      changed();
    },
    setTheme(theme) {
      held.theme = theme;
      write(THEME, theme);
      document.documentElement.dataset.theme = theme;
      changed();
    },
  };
  return held;
}
