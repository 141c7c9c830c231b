// SPDX-License-Identifier: Apache-2.0
import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitepress'
import { JAVADOC, REPOSITORY, cells, chineseMenu, links, menus, pictures, slugify } from './pages.js'

const javadoc = existsSync(JAVADOC)
const api = text => javadoc ? [{ text, link: '/api/index.html', target: '_self' }] : []
const sidebar = menus()
const [guide, examples, inside] = sidebar['/'].map(group => group.items[0].link)
const [norms, dictionary = '/migration#pytorch-and-keras-equivalents'] = sidebar['/norms/'][0].items.map(item => item.link)

/** The page's file on GitHub. VitePress calls it in the browser, so it knows nothing else of this file. */
const edit = ({ filePath }) => 'https://github.com/dl4jnorm/dl4j-norm-layers/edit/main/' + (filePath.startsWith('project/')
  ? filePath.slice('project/'.length, -'.md'.length).toUpperCase() + '.md'
  : 'src/site/' + filePath.replace(/^zh\/(.*)\.md$/, 'markdown/$1.zh-CN.md'))

/** Home pages have the width to themselves. */
const HOME = { pageClass: 'home', sidebar: false, aside: false, outline: false, editLink: false, prev: false, next: false }

export default defineConfig({
  title: 'dl4j-norm-layers',
  description: 'Normalization layers for Deeplearning4j',
  base: process.env.SITE_BASE || '/',
  cleanUrls: true,
  // Chinese pages are included by those in zh, so that they have an address and a language of their own.
  srcExclude: ['**/*.zh-CN.md'],
  rewrites: { 'markdown/:page*': ':page*' },
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  markdown: {
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    anchor: { slugify },
    config: md => md.use(links).use(pictures).use(cells)
  },
  transformPageData: ({ relativePath, frontmatter }) =>
    /^(zh\/)?index\.md$/.test(relativePath) ? { frontmatter: { ...frontmatter, ...HOME } } : undefined,
  buildEnd({ outDir }) {
    if (javadoc) cpSync(JAVADOC, join(outDir, 'api'), { recursive: true })
  },
  locales: {
    root: {
      label: 'English',
      lang: 'en',
      themeConfig: {
        i18nRouting: false,
        nav: [
          { text: 'Guide', link: guide },
          { text: 'Norms', link: norms, activeMatch: '^/(norms/|reference)' },
          { text: 'PyTorch and Keras', link: dictionary },
          { text: 'Examples', link: examples },
          { text: 'How it works', link: inside },
          ...api('API')
        ],
        sidebar,
        editLink: { pattern: edit, text: 'Edit this page' }
      }
    },
    zh: {
      label: '简体中文',
      lang: 'zh-CN',
      description: 'Deeplearning4j 的归一化层',
      themeConfig: {
        nav: [
          { text: '快速入门', link: '/zh/start' },
          { text: '选择归一化', link: '/zh/choosing' },
          { text: '迁移指南', link: '/zh/migration' },
          ...api('API')
        ],
        sidebar: chineseMenu(),
        editLink: { pattern: edit, text: '编辑此页' },
        outline: { label: '本页目录' },
        docFooter: { prev: '上一页', next: '下一页' },
        returnToTopLabel: '返回顶部',
        sidebarMenuLabel: '目录',
        darkModeSwitchLabel: '外观',
        lightModeSwitchTitle: '切换到浅色模式',
        darkModeSwitchTitle: '切换到深色模式',
        langMenuLabel: '切换语言',
        skipToContentLabel: '跳到正文',
        notFound: { title: '找不到页面', quote: '该页面不存在。', linkLabel: '返回首页', linkText: '返回首页' }
      }
    }
  },
  themeConfig: {
    outline: [2, 3],
    socialLinks: [{ icon: 'github', link: REPOSITORY }],
    search: {
      provider: 'local',
      options: {
        miniSearch: {
          options: {
            // Words, and of Chinese text every two neighboring characters.
            tokenize: text => (text.match(/\p{Script=Han}+|[^\p{Script=Han}\p{P}\p{S}\p{Z}\s]+/gu) ?? []).flatMap(word =>
              /\p{Script=Han}{2}/u.test(word) ? Array.from({ length: word.length - 1 }, (_, i) => word.slice(i, i + 2)) : [word])
          },
          searchOptions: { combineWith: 'AND' }
        },
        locales: {
          zh: {
            translations: {
              button: { buttonText: '搜索', buttonAriaLabel: '搜索' },
              modal: {
                displayDetails: '显示详细列表',
                resetButtonTitle: '清除',
                backButtonTitle: '关闭',
                noResultsText: '没有结果：',
                footer: { selectText: '打开', navigateText: '切换', closeText: '关闭' }
              }
            }
          }
        }
      }
    }
  }
})
