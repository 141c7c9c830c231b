// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, extname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const REPOSITORY = 'https://github.com/dl4jnorm/dl4j-norm-layers'
const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..')
const MARKDOWN = join(ROOT, 'src/site/markdown')
const CHINESE = '.zh-CN.md'

/** Where `mvn javadoc:javadoc` writes. */
export const JAVADOC = join(ROOT, 'dl4j-norm-layers/target/reports/apidocs')

/** Returns the address of a file of the repository: its page on the site, or else the file on GitHub. */
function address(file) {
  const name = relative(MARKDOWN, file)
  if (file === join(ROOT, 'README.md')) return `${REPOSITORY}#readme`
  if (['CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'].includes(relative(ROOT, file))) {
    return '/project/' + relative(ROOT, file).toLowerCase().replace('.md', '')
  }
  if (name.startsWith('..') || extname(file) !== '.md') return `${REPOSITORY}/blob/main/${relative(ROOT, file)}`
  const page = name.endsWith(CHINESE) ? 'zh/' + name.replace(CHINESE, '') : name.replace('.md', '')
  return '/' + page.replace(/(^|\/)index$/, '$1')
}

/**
 * Makes links and pictures, which are right where a file lies in the repository, right on the site. A link to a file that does
 * not exist fails the build.
 */
export function links(md) {
  md.core.ruler.push('repository-links', ({ env, tokens }) => {
    if (!env.realPath) return // the index of the search
    const source = env.includes[0] ?? env.realPath
    for (const token of tokens.flatMap(token => token.children ?? [])) {
      const attribute = { link_open: 'href', image: 'src' }[token.type]
      const link = attribute && token.attrGet(attribute)
      if (!link || /^(\w+:|#)/.test(link)) continue
      const [path, hash] = link.split(/(?=#)/)
      const file = resolve(dirname(source), decodeURI(path))
      if (!existsSync(file)) throw new Error(`${relative(ROOT, source)}: link to ${link}, which does not exist`)
      token.attrSet(attribute, attribute === 'src' ? './' + relative(dirname(env.realPath), file) : address(file) + (hash ?? ''))
    }
  })
}

/** Marks paragraphs that consist of a wide picture: on a telephone they scroll, so the keyboard has to reach them. */
export function pictures(md) {
  md.core.ruler.push('pictures', ({ env, tokens }) => {
    if (!env.realPath) return
    tokens.forEach(({ children }, i) => {
      if (children?.length !== 1 || children[0].type !== 'image') return
      const file = resolve(dirname(env.realPath), children[0].attrGet('src'))
      if (extname(file) === '.svg' && /viewBox="0 0 (\d+)/.exec(readFileSync(file, 'utf8'))[1] < 560) return
      tokens[i - 1].attrJoin('class', 'picture')
      tokens[i - 1].attrSet('tabindex', '0')
    })
  })
}

/**
 * Marks cells of tables with little or much text, and code that fits in a line, for the style sheet. Makes the empty header of a
 * column, which says nothing to a screen reader, an ordinary cell.
 */
export function cells(md) {
  md.core.ruler.push('cells', ({ tokens }) => {
    tokens.forEach(({ content, children, type }, i) => {
      if (type !== 'inline') return
      const opening = tokens[i - 1]
      if (opening.type === 'td_open' && content.length > 30) opening.attrJoin('class', 'long')
      if (opening.type === 'td_open' && content.length <= 20) opening.attrJoin('class', 'short')
      if (opening.type === 'th_open' && !content) opening.tag = tokens[i + 1].tag = 'td'
      children.filter(child => child.type === 'code_inline' && child.content.length < 25)
        .forEach(code => code.attrJoin('class', 'short'))
    })
  })
}

/** Returns the identifier that GitHub gives to a heading, so that a link to a heading works here and there. */
export function slugify(heading) {
  return heading.toLowerCase().trim().replace(/[^\p{L}\p{M}\p{N}_\- ]/gu, '').replaceAll(' ', '-')
}

function title(file) {
  return /^# (.*)$/m.exec(readFileSync(file, 'utf8'))[1].replaceAll('`', '')
}

/** Returns the entry of a page in the menu, named by its first heading. */
function entry(file) {
  return { text: title(file), link: address(file) }
}

const page = name => entry(join(MARKDOWN, name + '.md'))

/** Returns the entries of the pages that exist. */
const pages = names => names.filter(name => existsSync(join(MARKDOWN, name + '.md'))).map(page)

const norms = () => {
  const folder = join(MARKDOWN, 'norms')
  const files = existsSync(folder) ? readdirSync(folder).filter(name => name.endsWith('.md') && !name.endsWith(CHINESE)) : []
  return files.filter(name => name !== 'index.md').map(name => entry(join(folder, name)))
    .sort((one, other) => one.text.localeCompare(other.text))
}

/** Returns the menus beside English pages, by the start of their address; a page that they lack fails the build. */
export function menus() {
  const reference = [
    { text: 'Find a norm', items: pages(['norms/index', 'dictionary', 'reference']) },
    { text: 'Norms', items: norms() }
  ]
  const guide = [
    { text: 'Guide', items: pages(['start', 'tutorial', 'install', 'choosing', 'migration', 'upgrading', 'running-statistics',
      'fast-convolution', 'models', 'samediff', 'distributed', 'faq']) },
    { text: 'Examples and studies', items: pages(['examples', 'story-small-batches', 'story-style', 'story-sequences',
      'performance']) },
    { text: 'How it works', items: pages(['architecture', 'algebra', 'kernels']) },
    { text: 'Project', items: ['CHANGELOG', 'CONTRIBUTING', 'SECURITY'].map(name => entry(join(ROOT, name + '.md'))) }
  ]
  const shown = [...reference, ...guide].flatMap(group => group.items.map(item => item.link))
  const missing = readdirSync(MARKDOWN).filter(name => name.endsWith('.md') && !name.endsWith(CHINESE) && name !== 'index.md')
    .filter(name => !shown.includes(address(join(MARKDOWN, name))))
  if (missing.length) throw new Error(`src/site/.vitepress/pages.js: not in a menu: ${missing.join(', ')}`)
  return { '/norms/': reference, '/dictionary': reference, '/reference': reference, '/': guide }
}

/** Returns the menu beside Chinese pages. */
export function chineseMenu() {
  return [
    { text: '指南', items: ['start', 'choosing', 'migration'].map(name => page(name + '.zh-CN')) },
    { text: '英文文档', items: pages(['dictionary', 'reference', 'models', 'performance', 'faq']) }
  ]
}
