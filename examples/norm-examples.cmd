@echo off
rem SPDX-License-Identifier: Apache-2.0
rem Runs the examples as they were packaged last, for instance: norm-examples train --norm group --epochs 1
setlocal
set "arguments=%~dp0target\norm-examples.args"
if not exist "%arguments%" (
    echo norm-examples: the examples are not built. Run this first, in the directory above "%~dp0": 1>&2
    echo     mvn -q -pl examples -am package -DskipTests 1>&2
    exit /b 1
)
set "java=java"
if defined JAVA_HOME set "java=%JAVA_HOME%\bin\java"
"%java%" "@%arguments%" io.github.dl4jnorm.examples.Main %*
exit /b %errorlevel%
