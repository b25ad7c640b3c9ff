// Light or dark: as the system says, or as the reader has chosen. Runs before the first paint, so it is no module.

(() => {
	const NEXT = { system: "light", light: "dark", dark: "system" };
	const root = document.documentElement;
	const known = (text) => (text in NEXT ? text : "system");
	const read = () => {
		try {
			return known(localStorage.getItem("theme"));
		} catch {
			return "system"; // storage is forbidden
		}
	};

	function apply(theme) {
		root.dataset.theme = theme;
		const button = document.getElementById("theme");
		if (!button) return;
		button.setAttribute("aria-label", `Colours: ${theme}. Change to ${NEXT[theme]}.`);
		button.title = `Colours: ${theme}`;
		dispatchEvent(new Event("themechange"));
	}

	let theme = read();
	apply(theme);
	addEventListener("DOMContentLoaded", () => {
		apply(theme);
		document.getElementById("theme").addEventListener("click", () => {
			theme = NEXT[theme];
			try {
				localStorage.setItem("theme", theme);
			} catch {
				// chosen for this visit, then
			}
			apply(theme);
		});
	});
	addEventListener("storage", ({ key, newValue }) => key === "theme" && apply((theme = known(newValue))));
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => apply(theme));
})();
