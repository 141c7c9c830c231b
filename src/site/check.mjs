// SPDX-License-Identifier: Apache-2.0
// Opens every page of the built site in headless Chromium, wide and narrow, light and dark, and fails if a page has a violation
// that axe finds, scrolls sideways, weighs too much, writes to the console, requests what does not exist, or links to a missing
// heading. --screenshots DIR writes pictures of all of them; names of pages check only these.
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import puppeteer from 'puppeteer-core'

const WIDTHS = [1200, 390]
const SCHEMES = ['light', 'dark']
const LIMIT = 500_000
const DIST = join(import.meta.dirname, '.vitepress/dist')
const BASE = process.env.SITE_BASE || '/'
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const { values, positionals } = parseArgs({ options: { screenshots: { type: 'string' } }, allowPositionals: true })

const all = readdirSync(DIST, { recursive: true }).filter(name => name.endsWith('.html') && !/^(api\/|404)/.test(name))
  .map(name => name.replace(/(^|(?<=\/))index\.html$/, '').replace('.html', '')).sort()
const names = positionals.length ? positionals : all
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }

/** Serves the site as GitHub Pages does: names without .html, text compressed. */
const server = createServer((request, response) => {
  const path = decodeURI(request.url.replace(/[?#].*/, '')).slice(BASE.length)
  const file = [path, path + '.html', path + 'index.html'].map(name => join(DIST, name))
    .find(name => existsSync(name) && statSync(name).isFile())
  if (!file) return response.writeHead(404).end()
  const type = TYPES[extname(file)]
  const bytes = readFileSync(file)
  if (type) response.setHeader('content-encoding', 'gzip').setHeader('content-type', type + '; charset=utf-8')
  response.end(type ? gzipSync(bytes) : bytes)
}).listen()
const origin = `http://localhost:${server.address().port}`
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--force-prefers-reduced-motion']
})
if (values.screenshots) mkdirSync(values.screenshots, { recursive: true })

/** Returns what is wrong with a page at a width, in both schemes, and its weight, its headings and its links. */
async function open(name, width) {
  const page = await browser.newPage()
  const faults = []
  let bytes = 0
  page.on('console', message => ['error', 'warn'].includes(message.type()) && faults.push(`console: ${message.text()}`))
  page.on('pageerror', error => faults.push(`error: ${error.message}`))
  page.on('requestfailed', request => faults.push(`failed: ${request.url()}`))
  page.on('response', response => response.status() >= 400 && faults.push(`${response.status()}: ${response.url()}`))
  const session = await page.createCDPSession()
  await session.send('Network.enable')
  session.on('Network.loadingFinished', event => { bytes += event.encodedDataLength })
  await page.setCacheEnabled(false)
  await page.setViewport({ width, height: 900 })
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: SCHEMES[0] }])
  await page.goto(origin + BASE + name, { waitUntil: 'networkidle0' })
  for (const scheme of SCHEMES) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
    await page.waitForFunction(dark => document.documentElement.classList.contains('dark') === dark, { polling: 50 },
      scheme === 'dark')
    const [overflow, violations] = await page.evaluate(`${AXE}; axe.run({ resultTypes: ['violations'] }).then(result =>
      [document.documentElement.scrollWidth - innerWidth, result.violations.map(({ id, nodes }) =>
        id + ' ×' + nodes.length + ': ' + nodes[0].html.slice(0, 200) + ' ' + nodes[0].failureSummary.replace(/\\s+/g, ' '))])`)
    if (overflow > 0) faults.push(`${scheme}: ${overflow} px wider than the screen`)
    faults.push(...violations.map(violation => `${scheme}: axe: ${violation}`))
    if (values.screenshots) {
      const file = `${name.replaceAll('/', '-') || 'index'}-${width}-${scheme}.png`
      await page.screenshot({ path: join(values.screenshots, file), fullPage: true })
    }
  }
  if (bytes > LIMIT) faults.push(`${bytes} bytes`)
  const [ids, links] = await page.evaluate(() => [[...document.querySelectorAll('[id]')].map(element => element.id),
    [...document.querySelectorAll('.vp-doc a[href*="#"]')].filter(link => link.origin === location.origin)
      .map(link => [link.pathname, decodeURIComponent(link.hash.slice(1))])])
  await page.close()
  return { faults, bytes, ids, links }
}

const headings = new Map()
const wanted = []
let bad = 0
let heaviest = 0
const report = (name, faults, text = '') => {
  console.log(`${faults.length ? 'BAD' : 'ok '} ${name} ${text}`)
  faults.forEach(fault => console.log(`      ${fault}`))
  bad += faults.length
}
for (const name of names) {
  const results = await Promise.all(WIDTHS.map(width => open(name, width)))
  const bytes = Math.max(...results.map(result => result.bytes))
  heaviest = Math.max(heaviest, bytes)
  headings.set(BASE + name, results[0].ids)
  wanted.push(...results[0].links.map(link => [name, ...link]))
  report(BASE + name, results.flatMap(({ faults }, i) => faults.map(fault => `${WIDTHS[i]} px: ${fault}`)),
    `${Math.ceil(bytes / 1000)} KB`)
}
report('links to headings', wanted.filter(([, path, id]) => headings.has(path) && !headings.get(path).includes(id))
  .map(([name, path, id]) => `${BASE}${name}: ${path}#${id}`), `${wanted.length}`)
console.log(`${names.length} pages, ${bad} violations, the heaviest has ${Math.ceil(heaviest / 1000)} KB`)
await browser.close()
server.close()
process.exit(bad ? 1 : 0)
