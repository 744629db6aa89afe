// What a machine can check of a page's accessibility; each function is run in the page.
({
  // [ratio, where] for all text that can be seen: its contrast against what is behind it
  contrast() {
    const canvas = Object.assign(document.createElement("canvas"), {width: 1, height: 1});
    const c = canvas.getContext("2d", {willReadFrequently: true});
    const over = (colour, under) => {
      for (const fill of [under, colour]) { c.fillStyle = fill; c.fillRect(0, 0, 1, 1); }
      const [r, g, b] = c.getImageData(0, 0, 1, 1).data;
      return `rgb(${r}, ${g}, ${b})`;
    };
    const linear = value => value <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
    const light = text => text.match(/\d+/g).map(value => linear(value / 255))
      .reduce((sum, value, i) => sum + value * [.2126, .7152, .0722][i], 0);
    const behind = one => one ? over(getComputedStyle(one).backgroundColor, behind(one.parentElement)) : "rgb(255, 255, 255)";
    const ratio = (text, ground) => {
      const [low, high] = [text, ground].map(light).sort((a, b) => a - b);
      return (high + .05) / (low + .05);
    };
    const hasText = one => [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    const found = [];
    for (const one of document.querySelectorAll("body *")) {
      const isField = one.matches("input:not([type=checkbox]), select");
      const isSeen = one.checkVisibility({visibilityProperty: true, opacityProperty: true}) && !one.closest(".unseen");
      if (!isSeen || one.disabled || !(isField || hasText(one))) continue;
      const ground = behind(one), isEmpty = isField && one.placeholder && !one.value;
      const {color} = getComputedStyle(one, isEmpty ? "::placeholder" : null);
      found.push([ratio(over(color, ground), ground), `${one.tagName} ${one.id || one.className} ${one.textContent.slice(0, 30)}`]);
    }
    return found;
  },

  // What is wrong with the document
  problems() {
    const all = [...document.querySelectorAll("*")], ids = all.map(one => one.id).filter(Boolean);
    const levels = all.filter(one => one.matches("h1, h2, h3, h4, h5, h6") && one.checkVisibility()).map(one => Number(one.tagName[1]));
    const named = ["aria-labelledby", "aria-describedby", "aria-controls", "for"]
      .flatMap(name => all.map(one => one.getAttribute(name)).filter(Boolean).flatMap(text => text.split(" ")));
    return {
      twice: ids.filter((id, i) => ids.indexOf(id) !== i),
      skipped: levels.filter((level, i) => level > (levels[i - 1] ?? 0) + 1),
      first: levels[0],
      pointless: named.filter(id => !document.getElementById(id)),
      nested: all.filter(one => one.matches("a a, a button, button a, button button, label label")).length,
      outside: all.filter(one => one.matches("ol > :not(li), ul > :not(li)")).length,
      positive: all.filter(one => one.tabIndex > 0).length,
      lang: document.documentElement.lang,
    };
  },

  // How many elements the Tab key should reach
  tabbable() {
    return [...document.querySelectorAll("button, a[href], input, select, [tabindex='0']")]
      .filter(one => one.checkVisibility({visibilityProperty: true}) && !one.disabled && one.tabIndex >= 0).length;
  },

  // [whether it stands behind the one before, whether one sees that it has the focus, which]
  focused() {
    const one = document.activeElement, style = getComputedStyle(one), before = window.before;
    window.before = one;
    const isBehind = !before || Boolean(before.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
    const isSeen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    return [isBehind, isSeen, one.id || one.className || one.textContent];
  },

  // What a finger may miss
  small() {
    return [...document.querySelectorAll("button, a[href], select, input")].filter(one => one.checkVisibility())
      .filter(one => Math.min(one.offsetWidth, one.offsetHeight) < 24).map(one => one.id || one.textContent);
  },

  // What is cut off at the right
  cut() {
    return [...document.querySelectorAll("button, a[href], input, select, #wave")]
      .filter(one => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth).map(one => one.id || one.textContent);
  },
})
