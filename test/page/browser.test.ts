/** The page in a real browser, on a host that is always changing. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { browserObstacle, openStage, PATIENCE, type Stage } from "./browser.ts";
import { hostileName, hostilePath, ports, quantities } from "./names.ts";

const why = browserObstacle();
const title = why === undefined ? "the page" : `the page (skipped: ${why})`;

/** Elements that a page may have at most. */
const MOST_NODES = 2000;
/** How many sockets the idle connections are: both ends. */
const IDLE = 2 * quantities.idle;

const nodes = (page: Page) => page.evaluate(() => document.querySelectorAll("*").length);
const fragment = (page: Page) => new URLSearchParams(new URL(page.url()).hash.slice(1));
const rows = (page: Page) => page.locator("#grid .drawn [role=row]");
const cell = (page: Page, column: string) => page.locator(`#grid .drawn [data-column="${column}"]`);

/** Waits until the table shows rows, and they are those of the view. */
async function settled(page: Page): Promise<void> {
  await page.locator('#grid[aria-busy="false"] .drawn [data-column="state"]').first().waitFor();
}

/** Waits until something holds on the page, whose Content-Security-Policy keeps the browser's driver from polling there. */
async function until<A>(page: Page, holds: (argument: A) => boolean, argument?: A): Promise<void> {
  const end = Date.now() + PATIENCE;
  while (!(await page.evaluate(holds as (argument: unknown) => boolean, argument))) {
    if (Date.now() > end) throw new Error(`This does not become true: ${holds} ${argument}`);
    await page.waitForTimeout(40);
  }
}

/** Waits until so many sockets match. */
async function matched(page: Page, count: number): Promise<void> {
  await until(
    page,
    (wanted) => document.querySelector("output.matched b")?.textContent === wanted,
    `${count}`,
  );
}

describe.skipIf(why !== undefined)(title, () => {
  let stage: Stage;
  /** The page of most tests: each begins with the address that it needs. */
  let page: Page;

  beforeAll(async () => {
    stage = await openStage();
    page = await stage.open();
    await settled(page);
  }, 2 * PATIENCE);
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  }, 2 * PATIENCE);

  /** Shows a view, as a link would. */
  async function visit(view: string): Promise<void> {
    await page.evaluate((hash) => {
      location.hash = hash;
    }, view);
    await page.waitForTimeout(50);
  }

  test("takes the token out of the address bar, and keeps it for the tab", async () => {
    expect(page.url()).not.toContain(stage.token);
    expect(page.url()).toEndWith("/");
    expect(await page.evaluate(() => sessionStorage.getItem("sockscope-token"))).toBe(stage.token);
    expect(await page.evaluate(() => document.cookie + JSON.stringify({ ...localStorage }))).toBe("{}");
  });

  test("has a form for the token where it has none, and goes on when it is given", async () => {
    const other = await stage.openAddress("/#tab=sockets&sort=local");
    const input = other.getByLabel("Token");
    await input.fill("wrong");
    await input.press("Enter");
    await other.getByText("This page needs a token").waitFor();
    expect(await other.locator("#grid").count()).toBe(0);
    await input.fill(`http://127.0.0.1:7787/#token=${stage.token}`);
    await input.press("Enter");
    await settled(other);
    expect(fragment(other).get("sort")).toBe("local");
    await other.context().close();
  });

  test("has only the visible rows of thousands in the document, and the scrollbar of all", async () => {
    await visit("sort=local");
    await settled(page);
    await until(
      page,
      (idle) => Number(document.querySelector("#grid")?.getAttribute("aria-rowcount")) > idle,
      IDLE,
    );
    expect(await nodes(page)).toBeLessThan(MOST_NODES);
    const grid = page.locator("#grid");
    const ratio = await grid.evaluate((element) => {
      const count = Number(element.getAttribute("aria-rowcount")) - 1;
      return element.scrollHeight / (count * 28);
    });
    expect(ratio).toBeGreaterThan(0.9);
    expect(ratio).toBeLessThan(1.1);
    await grid.evaluate((element) => {
      element.scrollTop = element.scrollHeight / 2;
    });
    await until(
      page,
      (least) => {
        const row = document.querySelectorAll("#grid .drawn [role=row]")[12];
        return Number(row?.getAttribute("aria-rowindex")) > least && row?.querySelector(".waiting") === null;
      },
      IDLE / 3,
    );
    expect(await nodes(page)).toBeLessThan(MOST_NODES);
    await grid.evaluate((element) => {
      element.scrollTop = element.scrollHeight;
    });
    await until(page, () => {
      const grid = document.querySelector("#grid");
      // Sockets may have come meanwhile.
      if (grid !== null) grid.scrollTop = grid.scrollHeight;
      const last = [...(grid?.querySelectorAll(".drawn [role=row]") ?? [])].at(-1);
      return last?.getAttribute("aria-rowindex") === grid?.getAttribute("aria-rowcount");
    });
  });

  test("follows the sockets while they come and go", async () => {
    await visit("sort=-rate");
    await settled(page);
    const rates = () => cell(page, "rate").allTextContents();
    const before = `${await rates()}`;
    await until(
      page,
      (old) =>
        `${[...document.querySelectorAll('.drawn [data-column="rate"]')].map((each) => each.textContent)}` !==
        old,
      before,
    );
    // The connections that transfer are first, in the order of their rates.
    await until(page, () =>
      /[KM]$/.test(document.querySelector('.drawn [data-column="rate"]')?.textContent ?? ""),
    );
    const peers = await cell(page, "local").allTextContents();
    const isTalk = async (index: number) =>
      `${peers[index]} ${(await cell(page, "peer").allTextContents())[index]}`.includes(`:${ports.talk}`);
    expect(await isTalk(0)).toBe(true);
    await page.locator(".status[data-kind=live]").waitFor();
    await until(page, () => /\+\d/.test(document.querySelector(".tile.wide small")?.textContent ?? ""));
  });

  test("puts the caret under the mistake of a filter, and keeps what it has shown", async () => {
    await visit("sort=local");
    await settled(page);
    const input = page.getByRole("combobox", { name: "Filter" });
    await input.fill("dport = :5432 and rtt >> 5ms");
    const mistake = page.locator(".mistake");
    await mistake.getByText("Expected").waitFor();
    expect(await input.getAttribute("aria-invalid")).toBe("true");
    expect(await mistake.getAttribute("role")).toBe("alert");
    const caret = (await mistake.locator("pre").textContent())!;
    expect(caret).toMatch(/^ *\^+$/);
    expect(caret.indexOf("^")).toBe("dport = :5432 and rtt ".length);
    // The caret stands below the character: same font, same start.
    const look = (element: Element) => {
      const { fontSize, fontFamily, letterSpacing } = getComputedStyle(element);
      const { x } = element.getBoundingClientRect();
      const inset =
        element instanceof HTMLInputElement
          ? Number.parseFloat(getComputedStyle(element).paddingLeft) + 1
          : 0;
      return { fontSize, fontFamily, letterSpacing, x: Math.round(x + inset) };
    };
    expect(await mistake.locator("pre").evaluate(look)).toEqual(await input.evaluate(look));
    expect(await rows(page).count()).toBeGreaterThan(10);
    expect(await page.locator(".sockets[data-old]").count()).toBe(1);
    await input.fill(`sport = :${ports.talk}`);
    await settled(page);
    await until(page, () => document.querySelector(".sockets[data-old]") === null);
    expect(await mistake.count()).toBe(0);
    expect(fragment(page).get("filter")).toBe(`sport = :${ports.talk}`);
    // The listener too.
    await matched(page, quantities.talk + 1);
    // Another address replaces what is written, even while it is wrong.
    await input.fill("dport = :5432 and rtt >> 5ms");
    await mistake.getByText("Expected").waitFor();
    await visit("sort=local");
    await settled(page);
    expect(await input.inputValue()).toBe("");
  });

  test("completes the words of the filter language", async () => {
    await visit("");
    const input = page.getByRole("combobox", { name: "Filter" });
    await input.fill("");
    await input.pressSequentially("spor");
    const option = page.getByRole("option").first();
    await option.getByText("sport").waitFor();
    await input.press("Tab");
    expect(await input.inputValue()).toBe("sport ");
    await input.press("Escape");
    expect(await input.inputValue()).toBe("");
  });

  test("shows everything about a socket: fields with unit and meaning, rates, process, explanation", async () => {
    await visit(`filter=sport+%3D+:${ports.talk}+and+dport+%21%3D+:0&sort=-rate`);
    await settled(page);
    await rows(page).first().click();
    const details = page.getByRole("complementary");
    await details.locator("h2 .ends").waitFor();
    expect(await details.locator("h2").textContent()).toContain(`127.0.0.1:${ports.talk}`);
    const field = (name: string) => details.locator("dl > div", { has: page.locator(`dt[title="${name}"]`) });
    const rtt = (await field("tcpInfo.rttUs").textContent())!;
    expect(rtt).toContain("us");
    expect(rtt).toContain("smoothed round trip time");
    expect(await details.locator("details dl > div").count()).toBeGreaterThan(60);
    expect(await details.getByText(hostileName).count()).toBeGreaterThan(0);
    expect((await details.locator(".call").first().textContent())!.length).toBeGreaterThan(20);
    // Its rates, once there are several samples.
    await details.locator(".plots .curve").first().waitFor();
    await until(page, () => (document.querySelector(".plots .curve")?.getAttribute("d") ?? "").length > 20);
    expect(await details.getByRole("img", { name: /^Bytes: received [\d.]+K?B\/s/ }).count()).toBe(1);
    expect(fragment(page).get("open")).toBeTruthy();
    await page.keyboard.press("Escape");
    await details.waitFor({ state: "detached" });
    expect(fragment(page).get("open")).toBeNull();
  });

  test(
    "shows a socket that ended as closed, with its last values",
    async () => {
      await visit(`filter=dport+%3D+:${ports.brief}&state=established`);
      await settled(page);
      await rows(page).first().click();
      await page.getByText(/^Closed at|does not exist any more/).waitFor();
      await page.keyboard.press("Escape");
    },
    2 * PATIENCE,
  );

  test("filters by state at a click", async () => {
    await visit("sort=local");
    await settled(page);
    await page.getByRole("button", { name: "CLOSE-WAIT" }).click();
    await matched(page, quantities.leak);
    expect(fragment(page).get("state")).toBe("close-wait");
    expect(new Set(await cell(page, "state").allTextContents())).toEqual(new Set(["CLOSE-WAIT"]));
  });

  test("draws the map, and a click on an edge shows its rows", async () => {
    await visit("tab=map");
    await page.locator(".picture .edge").first().waitFor();
    expect(await page.locator(".picture .node").count()).toBeGreaterThan(1);
    expect(await page.locator(".picture text", { hasText: hostileName }).count()).toBeGreaterThan(0);
    expect(await nodes(page)).toBeLessThan(MOST_NODES);
    // The same as a table, for keys and for a screen reader.
    const edge = page.locator(".edge-table tbody tr", { has: page.getByRole("button") }).first();
    expect(await edge.locator("td").count()).toBe(6);
    // Nodes keep their order, and new ones come below.
    const order = () =>
      page.locator(".picture .node").evaluateAll((all) =>
        all
          .map((node) => ({
            label: node.querySelector("title")?.textContent,
            side: node.getAttribute("data-side"),
            y: Number(node.querySelector("rect")?.getAttribute("y")),
          }))
          .sort((a, b) => a.y - b.y)
          .map(({ side, label }) => `${side} ${label}`),
      );
    const before = await order();
    await page.waitForTimeout(1200);
    const after = await order();
    expect(after.filter((each) => before.includes(each))).toEqual(
      before.filter((each) => after.includes(each)),
    );
    await edge.getByRole("button").click();
    await settled(page);
    expect(fragment(page).get("tab")).toBeNull();
    expect(fragment(page).get("filter")).toMatch(/\S/);
    expect(await page.locator(".mistake").count()).toBe(0);
    expect(await rows(page).count()).toBeGreaterThan(0);
  });

  test(
    "lists what is wrong, each finding with its rows",
    async () => {
      await visit("tab=doctor");
      const finding = page.locator(".finding", { has: page.getByRole("button", { name: /^Show / }) }).first();
      await finding.waitFor();
      await finding.getByRole("button", { name: /^Show / }).click();
      // The sockets may be gone by now; the filter must still be right.
      await page.locator('#grid[aria-busy="false"]').waitFor();
      await page.locator('.sockets .empty, #grid .drawn [data-column="state"]').first().waitFor();
      expect(fragment(page).get("filter")).toMatch(/\S/);
      expect(await page.locator(".mistake").count()).toBe(0);
    },
    2 * PATIENCE,
  );

  test(
    "lists what happened as it happens, and leads to the rows",
    async () => {
      await visit("tab=events");
      const event = page.locator(".event button").first();
      await event.waitFor();
      expect(await nodes(page)).toBeLessThan(MOST_NODES);
      await page.getByRole("button", { name: "Hold" }).click();
      await page
        .locator(".event", { hasText: `127.0.0.1:${ports.churn}` })
        .first()
        .getByRole("button")
        .click();
      await until(page, () => !location.hash.includes("tab=") && location.hash.includes("filter="));
    },
    2 * PATIENCE,
  );

  test("shows the same after a reload: the address has the whole view", async () => {
    await visit(
      `filter=sport+%3D+:${ports.talk}&sort=-sendQueueBytes&columns=state,peer,pid,sendQueueBytes&state=established`,
    );
    await settled(page);
    await rows(page).nth(1).click();
    await page.getByRole("complementary").locator("h2 .ends").waitFor();
    const look = async () => ({
      headings: await page.getByRole("columnheader").allTextContents(),
      sorted: await page.locator("[aria-sort=descending]").textContent(),
      filter: await page.getByRole("combobox", { name: "Filter" }).inputValue(),
      matched: await page.locator("output.matched b").textContent(),
      open: await page.getByRole("complementary").locator("h2 .ends").textContent(),
    });
    const before = await look();
    expect(before.headings).toEqual(["State", "Peer", "PID", "Send-Q"]);
    expect(before.matched).toBe(`${quantities.talk}`);
    await page.reload();
    await settled(page);
    await page.getByRole("complementary").locator("h2 .ends").waitFor();
    expect(await look()).toEqual(before);
    await page.goBack();
    await until(page, () => document.querySelector(".details") === null);
  });

  test("shows names of strangers as text", async () => {
    await visit("tables=unix&filter=src+unix:*img*&sort=local&columns=netid,state,local,process");
    await settled(page);
    await page.getByText(hostilePath).first().waitFor();
    const none = await page.evaluate(() => document.querySelectorAll("img[onerror]").length);
    expect(none).toBe(0);
    await visit(`filter=sport+%3D+:${ports.talk}`);
    await page.locator('.drawn [data-column="process"]', { hasText: hostileName }).first().waitFor();
    const made = await page.evaluate(() => ({
      images: [...document.images].map(({ src }) => new URL(src).pathname),
      bold: document.querySelectorAll("b[onclick]").length,
      ran: "hacked" in window,
    }));
    expect(made).toEqual({ images: ["/icon.svg"], bold: 0, ran: false });
  });

  test("cannot make HTML from text: the browser refuses it", async () => {
    const refused = await page.evaluate(() => {
      const place = document.createElement("div");
      try {
        place.innerHTML = "<b>text</b>";
        return false;
      } catch (error) {
        return error instanceof TypeError;
      }
    });
    expect(refused).toBe(true);
    for (const each of stage.complaints.splice(0)) expect(each).toMatch(/TrustedHTML/);
  });

  test("shows itself in no frame", async () => {
    const frame = await page.evaluate(async () => {
      const element = document.createElement("iframe");
      element.src = "/";
      const loaded = new Promise((done) => element.addEventListener("load", done));
      document.body.append(element);
      await loaded;
      const shown = element.contentDocument?.querySelector("h1") ?? null;
      element.remove();
      return shown;
    });
    expect(frame).toBeNull();
    for (const each of stage.complaints.splice(0)) expect(each).toMatch(/frame-ancestors|X-Frame-Options/i);
  });

  test(
    "can be used by keys alone",
    async () => {
      await visit("sort=local");
      await settled(page);
      await page.keyboard.press("/");
      await page.keyboard.type(`sport = :${ports.talk} and dport != :0`);
      await page.keyboard.press("Enter");
      await matched(page, quantities.talk);
      await until(page, () => document.activeElement?.id === "grid");
      await page.keyboard.press("j");
      await page.keyboard.press("j");
      expect(await page.locator("#grid").getAttribute("aria-activedescendant")).toBe("row-1");
      await page.keyboard.press("k");
      expect(await page.locator("#row-0").getAttribute("aria-selected")).toBe("true");
      await page.keyboard.press("Enter");
      await page.getByRole("complementary").locator("h2 .ends").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("complementary").waitFor({ state: "detached" });
      await page.keyboard.press("r");
      expect(fragment(page).get("sort")).toBe("-local");
      await page.keyboard.press(">");
      expect(fragment(page).get("sort")).toBe("-peer");
      await page.keyboard.press("?");
      await page.getByRole("dialog").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.keyboard.press("2");
      await page.locator(".picture .edge").first().waitFor();
      await page.keyboard.press("j");
      await until(page, () => document.activeElement?.matches(".edge-table button") === true);
      await page.keyboard.press("Enter");
      await settled(page);
      await page.keyboard.press("Escape");
      await until(page, () => !location.hash.includes("filter"));
      // The tabs are one stop, and the arrows move among them.
      await page.locator("#tab-sockets").focus();
      await page.keyboard.press("ArrowRight");
      expect(await page.locator("#tab-map").getAttribute("aria-selected")).toBe("true");
    },
    2 * PATIENCE,
  );

  test(
    "draws the map of other hosts, and names the one that does not answer",
    async () => {
      await visit("tab=map");
      await page.getByLabel("Hosts").selectOption("2 hosts");
      await page.getByText("gone1 does not answer: Connection refused").waitFor();
      await page.locator(".picture .edge").first().waitFor();
      const services = page.locator(".edge-table tbody tr", { hasText: `web1` });
      await services.filter({ hasText: `:${ports.idle}` }).waitFor();
      // The address has it, too.
      await page.reload();
      await page.getByRole("heading", { name: "Who depends on whom" }).waitFor();
      await page.locator(".picture .edge").first().waitFor();
      expect(await nodes(page)).toBeLessThan(MOST_NODES);
      await page.getByLabel("Hosts").selectOption("This host");
      await page.getByRole("heading", { name: "Who talks to whom" }).waitFor();
      expect(fragment(page).has("hosts")).toBe(false);
    },
    2 * PATIENCE,
  );

  test("says what it is to a screen reader", async () => {
    await visit("sort=local");
    await settled(page);
    const counts = await page.evaluate(() => ({
      nameless: [...document.querySelectorAll("button, input, select, a, [role=img], [role=grid]")].filter(
        (element) =>
          !element.textContent?.trim() &&
          !element.getAttribute("aria-label") &&
          !document.querySelector(`label[for="${element.id || "-"}"]`) &&
          !element.closest("label"),
      ).length,
      live: document.querySelectorAll("[aria-live]").length,
      main: document.querySelectorAll("main").length,
      headings: document.querySelectorAll("h1").length,
      language: document.documentElement.lang,
    }));
    expect(counts).toEqual({ nameless: 0, live: 1, main: 1, headings: 1, language: "en" });
    const grid = page.getByRole("grid", { name: "Sockets" });
    expect(Number(await grid.getAttribute("aria-rowcount"))).toBeGreaterThan(IDLE);
    expect(await grid.getByRole("row").first().getByRole("columnheader").count()).toBeGreaterThan(8);
  });

  test(
    "fits a phone",
    async () => {
      const phone = await stage.open("sort=-rate", {
        viewport: { width: 360, height: 780 },
        hasTouch: true,
        isMobile: true,
      });
      await settled(phone);
      const overflow = () => phone.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(await overflow()).toBeLessThanOrEqual(0);
      const shown = await phone
        .locator("#grid .drawn [role=row]")
        .first()
        .evaluate((row) =>
          [...row.children].flatMap((each) =>
            (each as HTMLElement).offsetWidth > 0 ? [each.getAttribute("data-column")] : [],
          ),
        );
      expect(shown.sort()).toEqual(["local", "peer", "process", "rate", "state"]);
      await phone.locator("#grid .drawn [role=row]").first().tap();
      const box = (await phone.getByRole("complementary").boundingBox())!;
      expect([box.x, box.width, box.height]).toEqual([0, 360, 780]);
      await phone.getByRole("button", { name: "Close the details" }).tap();
      for (const tab of ["Map", "Doctor", "Events"]) {
        await phone.getByRole("tab", { name: tab }).tap();
        await phone.waitForTimeout(200);
        expect(await overflow()).toBeLessThanOrEqual(0);
      }
      await phone.context().close();
    },
    2 * PATIENCE,
  );

  test("is dark where the system is, and still where it wants no motion", async () => {
    const brightness = async (scheme: "dark" | "light") => {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      return page.evaluate(() => {
        const sum = (colour: string) =>
          colour
            .match(/\d+/g)!
            .slice(0, 3)
            .reduce((all, each) => all + Number(each), 0);
        const { backgroundColor, color } = getComputedStyle(document.body);
        return { ground: sum(backgroundColor), ink: sum(color) };
      });
    };
    const light = await brightness("light");
    const dark = await brightness("dark");
    expect(light.ground).toBeGreaterThan(690);
    expect(light.ink).toBeLessThan(150);
    expect(dark.ground).toBeLessThan(90);
    expect(dark.ink).toBeGreaterThan(600);
    expect(await page.locator(".status i").evaluate((dot) => getComputedStyle(dot).animationName)).toBe(
      "none",
    );
  });

  test(
    "says that the server is lost, marks what it shows as old, and connects again",
    async () => {
      await visit("sort=local");
      await settled(page);
      await stage.stopServer();
      await page.getByText("Connection lost").first().waitFor();
      await page.locator(".sockets[data-old]").waitFor();
      expect(await rows(page).count()).toBeGreaterThan(10);
      expect(await page.locator("[role=status][aria-live]").textContent()).toContain("Connection lost");
      await page.getByRole("tab", { name: "Map" }).click();
      await page.locator(".call").getByText("The server does not answer.").waitFor();
      await page.getByRole("tab", { name: "Sockets" }).click();
      await stage.startServer();
      await page
        .getByRole("button", { name: "Now" })
        .click({ timeout: 2000 })
        .catch(() => undefined);
      await page.locator(".status[data-kind=live]").waitFor();
      await until(page, () => document.querySelector(".sockets[data-old]") === null);
      // What was missed is a gap in the plots.
      await until(
        page,
        () => (document.querySelector(".tile .curve")?.getAttribute("d") ?? "").lastIndexOf("M") > 0,
      );
    },
    2 * PATIENCE,
  );

  test(
    "closes a socket after a question, with the second token only",
    async () => {
      await visit(`filter=dport+%3D+:${ports.idle}&sort=local`);
      await settled(page);
      await rows(page).first().click();
      const details = page.getByRole("complementary");
      const ends = (await details.locator("h2 .ends").textContent())!;
      await details.getByRole("button", { name: "Close this socket…" }).click();
      await details.getByText(`The kernel closes ${ends}`).waitFor();
      const token = details.getByLabel(/^Second token/);
      const submit = details.getByRole("button", { name: "Close it" });
      // Without a token nothing is sent, and another one is refused.
      await submit.click();
      expect(await details.getByRole("alert").textContent()).toBe("");
      for (const wrong of [stage.token, `${stage.killToken}x`]) {
        await token.fill(wrong);
        await submit.click();
        await details.getByRole("alert").getByText("second token").waitFor();
      }
      expect(await details.locator("h2 [data-state]").textContent()).toBe("ESTAB");
      await token.fill(stage.killToken);
      await submit.click();
      await details.getByText(/^Closed at .* last values/).waitFor();
      expect(await page.locator("[role=status][aria-live]").textContent()).toBe("Closed.");
      expect(await details.getByRole("button", { name: /Close (it|this)/ }).count()).toBe(0);
    },
    2 * PATIENCE,
  );

  test(
    "shows a span of the past that is dragged on the time line: rows, map, findings, connections",
    async () => {
      await visit("sort=local");
      // The recorder writes every ten seconds.
      const recorded = () =>
        page.evaluate(async (token) => {
          const headers = { Authorization: `Bearer ${token}` };
          const { store } = (await (await fetch("/api/host", { headers })).json()) as {
            store: { from: string; to: string } | null;
          };
          return store === null ? undefined : { from: Date.parse(store.from), to: Date.parse(store.to) };
        }, stage.token);
      let store = await recorded();
      for (; store === undefined || store.to - store.from < 5000; store = await recorded())
        await page.waitForTimeout(500);
      await page.reload();
      await page.getByRole("button", { name: "Past" }).click();
      const length = page.getByLabel("Length of the time line");
      await length.selectOption("15 minutes");
      const track = page.getByRole("slider", { name: "Moment" });
      await page.locator(".track rect").first().waitFor();
      const { x, y, width, height } = (await track.boundingBox())!;
      const end = Number(await track.getAttribute("aria-valuemax"));
      const at = (share: number) => x + width * share;
      await page.mouse.move(at(0.9), y + height / 2);
      await page.mouse.down();
      await page.mouse.move(at(0.95), y + height / 2, { steps: 3 });
      await page.mouse.move(at(1), y + height / 2, { steps: 3 });
      await page.mouse.up();
      await settled(page);
      const [from, last] = [fragment(page).get("from")!, fragment(page).get("at")!];
      expect(Date.parse(last) - Date.parse(from)).toBeGreaterThan(60_000);
      expect(await track.getAttribute("aria-valuetext")).toMatch(/^\d\d-\d\d [\d:]{8} – [\d:]{8}$/);
      await page.locator(".status[data-kind=past]").waitFor();
      // The connections that came and went are rows like the others, and the filter chooses among them.
      await page.getByRole("combobox", { name: "Filter" }).fill(`sport = :${ports.churn} and dport != :0`);
      await settled(page);
      await until(
        page,
        () => Number(document.querySelector("output.matched b")?.textContent?.replace(",", "")) > 5,
      );
      await until(page, () =>
        /\d/.test(document.querySelector('.drawn [data-column="closed"]')?.textContent ?? ""),
      );
      await rows(page).first().click();
      await page.getByRole("complementary").locator("h2 .ends").getByText(`:${ports.churn}`).waitFor();
      await page.getByRole("button", { name: "Close the details" }).click();
      await page.getByRole("tab", { name: "Map" }).click();
      await page.locator(".picture .edge").first().waitFor();
      await page.getByRole("tab", { name: "Doctor" }).click();
      await page.getByRole("heading", { name: "What was wrong" }).waitFor();
      await page.locator(".finding, .empty.good").first().waitFor();
      const badge = async () =>
        parseInt((await page.locator("#tab-doctor .badge").allTextContents()).join(""), 10) || 0;
      const grave = page.locator('.finding:is([data-severity="critical"], [data-severity="warning"])');
      expect(await badge()).toBe(await grave.count());
      await page.getByRole("tab", { name: "Events" }).click();
      await page.locator(".row.past:not(.head)").first().waitFor();
      expect(await page.locator("output.matched").textContent()).toContain(" – ");
      // A key draws a span, too, and a click is a moment, which has rates.
      await track.focus();
      await page.keyboard.press("Shift+ArrowLeft");
      expect(Date.parse(fragment(page).get("from")!)).toBeLessThan(Date.parse(from));
      await page.getByRole("tab", { name: "Sockets" }).click();
      const middle = (store.from + store.to) / 2;
      await page.mouse.click(at(1 - (end - middle) / 900_000), y + height / 2);
      await until(page, () => !location.hash.includes("from="));
      await page.getByRole("combobox", { name: "Filter" }).fill(`sport = :${ports.talk} and dport != :0`);
      await matched(page, quantities.talk);
      await until(page, () =>
        /[KM]$/.test(document.querySelector('.drawn [data-column="rx"]')?.textContent ?? ""),
      );
      // The badge counts what was wrong at that moment, with its tab closed, too.
      await page.locator("#tab-doctor .badge").waitFor();
      const counted = await badge();
      await page.getByRole("tab", { name: "Doctor" }).click();
      await grave.first().waitFor();
      expect([counted, counted > 0]).toEqual([await grave.count(), true]);
      await page.getByRole("button", { name: "Now" }).click();
      await page.locator(".status[data-kind=live]").waitFor();
      expect(fragment(page).has("at")).toBe(false);
    },
    2 * PATIENCE,
  );

  test("sends requests to nobody else, and reports no error", () => {
    expect(stage.complaints).toEqual([]);
  });
});
