assert new File(basedir, 'build.log').text.contains('they agree')
